"""local.settings.json as Core Tools takes it: JSON with comments, trailing commas and a byte order mark.

Reading forgets those; changing a value leaves every other character as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.DOTALL)


def plain(text: str) -> str:
    """Return the text with comments and trailing commas turned into blanks: every position stays."""
    bare = _PIECE.sub(lambda found: found[0] if found[0].startswith('"') else _blank(found[0]), text)
    bare = _TRAILING.sub(lambda found: found[1] or " ", bare)
    return bare.replace("\ufeff", " ", 1) if bare.startswith("\ufeff") else bare


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def with_values(text: str, values: Mapping[str, str]) -> str:
    """Return the text with these members of `Values` set. Raises ValueError when it holds no such object."""
    before = _values(text)
    for name, value in values.items():
        text = _with_value(text, name, value)
    if _values(text) != {**before, **values}:
        raise ValueError("its Values cannot be changed without changing something else")
    return text


def _values(text: str) -> dict[str, object]:
    content = json.loads(plain(text))
    values = content.get("Values") if isinstance(content, dict) else None
    if not isinstance(values, dict):
        raise ValueError('it holds no object "Values"')
    return values


def _with_value(text: str, name: str, value: str) -> str:
    """Replace a member that is there, where it is; put another in front of the first."""
    bare, written = plain(text), json.dumps(value, ensure_ascii=False)
    start = re.search(r'"Values"\s*:\s*\{', bare)
    if start is None:
        raise ValueError('it holds no object "Values"')
    member = re.compile(rf"{re.escape(json.dumps(name))}\s*:\s*")
    found = member.search(bare, start.end())
    if found is None:
        rest = bare[start.end() :].lstrip()
        comma = "" if rest.startswith("}") else ","
        indent = re.match(r"\s*", bare[start.end() :])
        space = indent[0] if indent and "\n" in indent[0] and comma else "\n    "
        return f"{text[: start.end()]}{space}{json.dumps(name)}: {written}{comma}{text[start.end() :]}"
    _, length = json.JSONDecoder().raw_decode(bare[found.end() :])
    return f"{text[: found.end()]}{written}{text[found.end() + length :]}"
