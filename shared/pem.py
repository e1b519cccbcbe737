"""PEM in a setting: the text itself, or the path of a file that holds it."""

from __future__ import annotations

from shared.errors import SettingsError
from shared.paths import app_path


def text_or_file(setting: str, value: str) -> str:
    """Return the PEM text that a setting, or the file it names, holds; a relative path starts at the app's folder.

    Raises SettingsError, outside of every handler: an error about a file quotes its name, and what was meant as a
    name may be a key that lacks its first line.
    """
    if "-----BEGIN" in value:
        return value.replace("\\n", "\n")
    try:
        text = app_path(value).read_text(encoding="ascii")
    except (OSError, ValueError):
        text = ""
    if not text:
        raise SettingsError(
            f"{setting}: is neither PEM text (-----BEGIN ...) nor a readable file, relative to the folder of host.json."
        )
    return text
