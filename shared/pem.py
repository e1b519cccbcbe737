"""PEM in a setting: the text itself, or the path of a file that holds it."""

from __future__ import annotations

from pathlib import Path

from shared.errors import SettingsError


def text_or_file(setting: str, value: str) -> str:
    """Return the PEM text that a setting's value is or names. Raises SettingsError when it is neither."""
    if "-----BEGIN" in value:
        return value.replace("\\n", "\n")
    try:
        return Path(value).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting}: is neither PEM text nor a readable file.") from error
