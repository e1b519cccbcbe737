"""The app settings on this machine: local.settings.json, as Core Tools reads it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "local.settings.json"


def read() -> dict[str, str]:
    """Return the file's `Values`; none when there is no file."""
    if not FILE.exists():
        return {}
    try:
        values = json.loads(FILE.read_text(encoding="utf-8")).get("Values", {})
    except (ValueError, AttributeError) as error:
        sys.exit(f"local.settings.json cannot be read: {error}")
    return {name: str(value) for name, value in values.items()}


def into_environment() -> None:
    """Complete this process's environment from the file; what the environment holds already wins."""
    for name, value in read().items():
        os.environ.setdefault(name, value)
