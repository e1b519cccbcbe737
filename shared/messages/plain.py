"""Plain text: what a person or another system typed, made fit to stand inside a sentence of ours."""

from __future__ import annotations

ELLIPSIS = "…"


def plain(value: object, limit: int | None = None) -> str:
    """Return a value as one line of text without control characters, cut to `limit` characters with an ellipsis.

    Line breaks, bidirectional marks and the like become blanks, so that a value cannot pretend to be a line of ours.
    """
    text = str(value)
    if limit is not None:
        text = text[: 4 * limit]  # Blanks are joined below; whatever lies behind this is cut in any case.
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    text = " ".join(text.split())
    if limit is None or units(text) <= limit:
        return text
    # A pair of UTF-16 units is never cut in two.
    return text.encode("utf-16-le")[: 2 * (limit - 1)].decode("utf-16-le", "ignore").rstrip() + ELLIPSIS


def units(text: str) -> int:
    """Return the length as both CRMs count it: in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
