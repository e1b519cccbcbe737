"""Salesforce ids: 15 case-sensitive characters, and the 18-character form whose last three encode the case."""

from __future__ import annotations

import itertools
import re

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?")
_INSTANCE = "5e0"


def checksum(id15: str) -> str:
    """Return the three characters that tell the case of the fifteen others."""
    groups = (id15[start : start + 5] for start in (0, 5, 10))
    return "".join(_CHECK[sum(1 << bit for bit, char in enumerate(group) if char.isupper())] for group in groups)


def long_id(text: str) -> str | None:
    """Return the 18-character form of an id in either form; None when it is no id or its checksum is wrong."""
    if not _SHAPE.fullmatch(text):
        return None
    full = text[:15] + checksum(text[:15])
    return full if text in {full, text[:15]} else None


class IdFactory:
    """Makes ids, each one once. The counter starts where upper- and lower-case digits occur."""

    def __init__(self) -> None:
        self._counter = itertools.count(62**5 + 7 * 62**3 + 45 * 62)

    def new(self, prefix: str) -> str:
        """Return the next id of an object type, by its three-character key prefix."""
        number, digits = next(self._counter), ""
        for _ in range(9):
            number, digit = divmod(number, 62)
            digits = _BASE62[digit] + digits
        id15 = f"{prefix}{_INSTANCE}{digits}"
        return id15 + checksum(id15)
