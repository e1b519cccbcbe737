"""What is wrong in a mapping file, in the words of whoever wrote it: rows by their names, rules in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import yaml
from pydantic_core import ErrorDetails

from shared.mapping import model, sections
from shared.mapping.check.findings import nearest
from shared.mapping.overlay import child, is_overlay, row_name
from shared.mapping.owners import OwnerRules

Place = tuple[int | str, ...]
Position = Callable[[Place], tuple[str, int]]
"""Finds the file and the line of a place."""

_KEYS = frozenset(
    field.alias or name
    for each in (
        *(model.FieldRow, model.AccountRows, model.LeadSection, model.MappingFile, OwnerRules),
        *(sections.Columns, sections.StatusTable, sections.LeadStatusTable, sections.SyncWhen),
    )
    for name, field in each.model_fields.items()
)
"""Every key that may stand in a mapping file."""

_FEW = 3
"""So many parts are missing when a file was never meant to be whole."""

_RULES = {
    "tuple_type": "must be a list, in brackets: [a, b]",
    "list_type": "must be a list, in brackets: [a, b]",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "string_type": "must be text",
    "dict_type": "must be a table of names and values",
    "model_type": "must be a table of names and values",
    "model_attributes_type": "must be a table of names and values",
    "string_too_short": "must not be empty",
    "extra_forbidden": "is not known here",
}


def complaints(root: yaml.Node | None, errors: Sequence[ErrorDetails], rows: frozenset[str], at: Position) -> list[str]:
    """Return a line for each mistake. `rows` are the names of the built-in file's rows.

    What is missing in one place is one mistake: the place is not what its writer took it for.
    """
    if root is None:
        file, line = at(())
        return [f"{file}, line {line}: the file is empty; an overlay begins with `overlay: true` and a version"]
    return [*_missing(root, errors, rows, at), *(_told(root, each, at) for each in errors if each["type"] != "missing")]


def _missing(root: yaml.Node, errors: Sequence[ErrorDetails], rows: frozenset[str], at: Position) -> Iterator[str]:
    by_place: dict[Place, list[str]] = {}
    for each in errors:
        if each["type"] == "missing":
            by_place.setdefault(each["loc"][:-1], []).append(str(each["loc"][-1]))
    for place, keys in by_place.items():
        file, line = at(place)
        what = f"{', '.join(keys)} {'is' if len(keys) == 1 else 'are'} missing"
        yield f"{file}, line {line}: {_where(root, place)}{what}{_hint(root, place, rows, len(keys))}"


def _hint(root: yaml.Node, place: Place, rows: frozenset[str], count: int) -> str:
    """Return what was probably meant: an overlay that does not say so, or the name of a row that exists."""
    if not place:
        overlay = is_overlay(root) or count < _FEW
        return "" if overlay else "; a file that names only what differs begins with `overlay: true`"
    name = row_name(_node(root, place)) if isinstance(place[-1], int) else None
    if name is None or name in rows:
        return ""
    near = nearest(name, rows)
    return f"; the row is a new one{f': did you mean {near}?' if near else ''}"


def _told(root: yaml.Node, error: ErrorDetails, at: Position) -> str:
    place = error["loc"]
    file, line = at(place)
    rule = _spelling(place) if error["type"] == "string_pattern_mismatch" else _RULES.get(error["type"])
    rule = rule or error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    near = nearest(str(place[-1]), _KEYS) if error["type"] == "extra_forbidden" else ""
    return f"{file}, line {line}: {_where(root, place)}{rule}{f'; did you mean {near}?' if near else ''}"


def _spelling(place: Place) -> str:
    if place and place[-1] == "field":
        return "must be lower-case letters, digits and underscores, beginning with a letter"
    if place and place[-1] in ("referral", "fallback"):
        return "must be names with dots between, such as details.dealValue"
    return ""


def _where(root: yaml.Node, place: Place) -> str:
    """Return a place as a person names it: a row by its name, an entry of another list by its number from one."""
    parts, node = [], root
    for part in place:
        found = child(node, part)
        name = row_name(found) if isinstance(part, int) else None
        parts.append(name or (f"entry {part + 1}" if isinstance(part, int) else part))
        node = found or node
    return f"{'.'.join(parts) or 'the file'}: "


def _node(root: yaml.Node, place: Place) -> yaml.Node | None:
    node: yaml.Node | None = root
    for part in place:
        node = child(node, part)
    return node
