"""Where relative paths in settings start."""

from __future__ import annotations

from pathlib import Path

APP_ROOT = Path(__file__).resolve().parents[1]
"""The folder of host.json. The worker's current folder is not documented, so relative paths start here."""


def app_path(value: str) -> Path:
    """Return a path, a relative one from the app's own folder. Raises ValueError for what can be no path."""
    if "\0" in value:
        raise ValueError
    return APP_ROOT / value
