"""Texts and web addresses: normalized, so that spelling is no difference, and cut to what a column holds."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from html.entities import html5

from shared.deal import Value
from shared.mapping.codecs.codec import Codec, Json, as_is
from shared.mapping.unreadable import UnreadableValue

MARK = "\u2714 "
"""What is put in front of a record's own name when the mapping wants it there."""

_MARKS = frozenset("\u2713\u2714\u2716\u2717\u2718\u23f3")
"""The glyphs that Microsoft's connector and we put in front of a record's name."""

_LEADING_MARKS = re.compile(f"^(?:[{''.join(_MARKS)}][\ufe0e\ufe0f]?\\s*)+")

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]*);")
"""An HTML entity as Partner Center escapes names with; only with its semicolon, so that `?a=1&copy=2` stays."""

_LINE_BREAK = re.compile(r"\r+\n")
"""A line's end, however often it was made one of Windows: what is read again must read the same."""

_ESCAPED_AGAIN = re.compile(r"&(?:(?:amp|AMP|#0{0,4}38|#[xX]0{0,4}26);)+")
_PASSES = 8


def text(
    limit: int | None = None,
    *,
    escaped: bool = False,
    strip_mark: bool = False,
    mark: bool = False,
    refuse: bool = False,
) -> Codec:
    """Plain text, at most `limit` characters in the CRM; outer blanks and empty text dropped.

    `escaped` unescapes HTML entities, which Partner Center puts into some fields (names: an observation, not a rule of
    its documentation); other text travels as it was typed. `strip_mark` ignores a check mark in front of it, `mark`
    also writes one there. Longer text is cut by `fit`, or with `refuse` it breaks the rule.
    """
    room = limit - len(MARK) if limit is not None and mark else limit

    def normalize(value: Json) -> Value:
        return _normalized(value, escaped=escaped, strip_mark=strip_mark)

    def not_too_long(value: Json) -> Value:
        plain = normalize(value)
        if isinstance(plain, str) and room is not None and _units(plain) > room:
            raise UnreadableValue("value.too_long", limit=room)
        return plain

    def fit(value: Value) -> Value:
        return _cut(value, room) if room is not None and isinstance(value, str) else value

    from_referral = not_too_long if refuse else normalize
    return Codec(from_referral, _text_to_referral, normalize, _marked if mark else as_is, fit)


def _normalized(value: Json, *, escaped: bool, strip_mark: bool) -> Value:
    if value is None:
        return None
    if not isinstance(value, str):
        raise UnreadableValue("value.not_text")
    plain = value.strip() if value.isascii() else _whole(value).strip()
    if "\r" in plain:
        plain = _LINE_BREAK.sub("\n", plain).strip()
    if escaped and "&" in plain:
        plain = _cleaned(plain, strip_mark=strip_mark)
    elif strip_mark and plain[:1] in _MARKS:
        plain = _LEADING_MARKS.sub("", plain).strip()
    return plain or None


def _text_to_referral(value: Value, _source: Json) -> Json:
    return "" if value is None else value


def _marked(value: Value) -> Json:
    return None if value is None else f"{MARK}{value}"


def _cleaned(plain: str, *, strip_mark: bool) -> str:
    """Unescape and strip until nothing changes any more, so that reading again reads the same.

    What was escaped again and again is unescaped in one go. What still holds entities after that many passes was built
    to cost time; it loses its ampersands, with which it can hold none.
    """
    plain = _ESCAPED_AGAIN.sub("&", plain)
    for _ in range(_PASSES):
        before = plain
        plain = _LINE_BREAK.sub("\n", _ENTITY.sub(_unescaped, plain)).strip()
        if strip_mark:
            plain = _LEADING_MARKS.sub("", plain)
        if plain == before or ("&" not in plain and "\r" not in plain):
            return plain
    plain = _LINE_BREAK.sub("\n", plain.replace("&", "")).strip()
    return _LEADING_MARKS.sub("", plain).strip() if strip_mark else plain


def _unescaped(entity: re.Match[str]) -> str:
    name = entity[0]
    return html.unescape(name) if name[1] == "#" else html5.get(name[1:], name)


def _whole(plain: str) -> str:
    """Drop halves of UTF-16 pairs, which JSON may carry and no storage takes."""
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _units(plain: str) -> int:
    """The length as both CRMs count it: in UTF-16 code units."""
    return len(plain) if plain.isascii() else len(plain.encode("utf-16-le")) // 2


def _cut(plain: str, limit: int) -> str | None:
    if _units(plain) > limit:
        plain = plain.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore").strip()
    return plain or None


def link(limit: int | None = None) -> Codec:
    """A web address; one that the CRM's column cannot hold is refused, because a cut address leads nowhere."""
    plain = text(limit, refuse=True)

    def checked(read: Callable[[Json], Value]) -> Callable[[Json], Value]:
        def read_link(value: Json) -> Value:
            found = read(value)
            if found is not None and not re.fullmatch(r"https?://\S+", str(found)):
                raise UnreadableValue("value.not_a_link")
            return found

        return read_link

    return Codec(checked(plain.from_referral), plain.to_referral, checked(plain.from_record), plain.to_record)
