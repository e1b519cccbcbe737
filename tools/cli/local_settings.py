"""The app settings on this machine: local.settings.json, as Core Tools reads it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "local.settings.json"

MISSING = "local.settings.json is missing: copy local.settings.sample.json to it and fill it in."


class LocalSettingsError(Exception):
    """The file is not what Core Tools expects; the message says what is."""


def read(file: Path | None = None) -> dict[str, str]:
    """Return the file's `Values`; none when there is no file. Ends the program when the file cannot be read."""
    path = file or FILE
    if not path.exists():
        return {}
    try:
        return values_of(path.read_bytes())
    except (OSError, LocalSettingsError) as error:
        sys.exit(f"{path.name} cannot be read: {error}")


def values_of(content: bytes) -> dict[str, str]:
    """Return the settings that a file's content holds, a null as an empty text. Raises LocalSettingsError."""
    try:
        # Some editors, and PowerShell 5, begin a file with a byte order mark.
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise LocalSettingsError("it is not UTF-8 text. Save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise LocalSettingsError(f"it is not JSON, at {at}: {error.msg}. Compare it with the sample.") from None
    if not isinstance(document, dict):
        raise LocalSettingsError('it must hold one object, {"IsEncrypted": false, "Values": {...}}.')
    if document.get("IsEncrypted") is True:
        raise LocalSettingsError("it is encrypted. Run `func settings decrypt`.")
    values = document.get("Values")
    if not isinstance(values, dict):
        raise LocalSettingsError('"Values" must be an object of names and texts, {"CRM": "dynamics365", ...}.')
    return {name: _text(name, value) for name, value in values.items()}


def into_environment() -> None:
    """Complete this process's environment from the file; what the environment holds already wins."""
    for name, value in read().items():
        os.environ.setdefault(name, value)


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise LocalSettingsError(f"{name} must be a text, not an object or a list.")
