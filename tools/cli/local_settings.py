"""The app settings on this machine: local.settings.json, as Core Tools reads it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "local.settings.json"
PATHS = ("MAPPING_DIR", "SALESFORCE_PRIVATE_KEY", "WEBHOOK_TRUST_BUNDLE")
"""Settings whose value may be a path: in the file it is relative to the file, in the environment to the caller."""


def read() -> dict[str, str]:
    """Return the file's `Values`; none when there is no file."""
    if not FILE.exists():
        return {}
    try:
        values = json.loads(FILE.read_text(encoding="utf-8")).get("Values", {}).items()
    except (ValueError, AttributeError) as error:
        sys.exit(f"local.settings.json cannot be read: {error}")
    return {name: _absolute(str(value)) if name in PATHS else str(value) for name, value in values}


def _absolute(value: str) -> str:
    path = FILE.parent / value
    try:
        return str(path) if value and path.exists() else value
    except OSError:  # the text of a key or a certificate is too long for a path
        return value


def into_environment() -> None:
    """Complete this process's environment from the file; what the environment holds already wins."""
    for name, value in read().items():
        os.environ.setdefault(name, value)
