"""Text from outside, made fit for one line: of a log, an audit, a terminal."""

from __future__ import annotations

import unicodedata

_NAMED = {"\n": "⏎", "\r": "⏎", "\t": "⇥", "\u2028": "⏎", "\u2029": "⏎", "\x85": "⏎", "\v": "⏎", "\f": "⏎"}
_HARMLESS = frozenset("\u200c\u200d")
"""The joiners that Persian, Indic scripts and emoji need; they reorder nothing."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's categories of controls, formats (writing direction among them), surrogates, private use and line ends."""


def printable(text: str, limit: int | None = None) -> str:
    """Return a text without line breaks, controls and marks of writing direction: each is shown, not obeyed.

    What is longer than `limit` characters is cut, which an ellipsis tells.
    """
    cut = text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"
    if cut.isascii() and cut.isprintable():
        return cut
    return "".join(map(_shown, cut.replace("\r\n", "\n")))


def _shown(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    if character in _HARMLESS or unicodedata.category(character) not in _INVISIBLE:
        return character
    return f"\\u{ord(character):04x}"


def first_line(text: str, limit: int = 500) -> str:
    """Return the first line of what a service says; further lines quote the request."""
    return printable(next(iter(text.strip().splitlines()), ""), limit)
