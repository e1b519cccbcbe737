"""Files that hold values of deals: for their owner's eyes alone, and harmless in a spreadsheet."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TextIO

from shared.errors import SettingsError

_FORMULA = re.compile(r"(^|[;,|\t\r\n][ \t\r\n]*)([=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])")


def inert(text: str) -> str:
    """Return a cell in which no spreadsheet finds a formula (OWASP, CSV injection); deal texts are other people's.

    Also behind what some of them take for the end of a cell: a semicolon, a tab, a line break.
    """
    return _FORMULA.sub(r"\1'\2", text)


def check_writable(path: Path) -> None:
    """Raise SettingsError when a file cannot be written, before every deal was read for nothing."""
    if not path.parent.is_dir():
        raise SettingsError(f"{path}: the folder {path.parent} does not exist.")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise SettingsError(f"{path}: cannot be written.")


def private(path: Path, *, encoding: str = "utf-8") -> TextIO:
    """Open a file for writing that only its owner may read: it holds values of deals."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.chmod(path, 0o600)  # noqa: PTH101 - also when it was there before
    return open(number, "w", encoding=encoding, newline="")  # noqa: PTH123 - the caller closes it
