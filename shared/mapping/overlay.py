"""Overlays: a mapping file that names only what differs from the built-in one.

Merged as YAML nodes rather than values, so that every part still knows the file and the line it was written in:

- in `columns`, `status`, `account`, `new_referral`, `new_record`, `sync_when`, `warnings`, `owner_rules` and `lead`, a
  key that is named is replaced, the others stay;
- rows (`fields`, `account.fields`, `contact`, `owner`, `lead.fields`) are found by `field`: of a known row only the
  keys that are named are replaced, a new name adds a row, and `remove: true` takes a row away;
- everything else is replaced as a whole, lists included; a key with nothing after it goes back to its default;
- the version is the built-in one and the overlay's own, as in `1+acme-3`.
"""

from __future__ import annotations

from collections.abc import Callable

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from shared.deal import STANDARD_FIELDS

Path = tuple[str, ...]
Report = Callable[[Node, str, str], None]
"""Takes a mistake: the node it is written in, what it concerns, and the rule."""

_OF_LEAD: frozenset[Path] = frozenset(
    {("lead",), ("lead", "columns"), ("lead", "status"), ("lead", "new_record"), ("lead", "sync_when")}
    | {("lead", "owner_rules"), ("lead", "owner_rules", "by_country"), ("lead", "owner_rules", "by_location")}
)
_TABLES: frozenset[Path] = _OF_LEAD | frozenset(
    {(), ("columns",), ("status",), ("account",), ("new_referral",), ("new_record",), ("sync_when",)}
    | {("warnings",), ("owner_rules",), ("owner_rules", "by_country")}
)
_ROWS: frozenset[Path] = frozenset({("fields",), ("account", "fields"), ("contact",), ("owner",), ("lead", "fields")})

_NULL, _STRING = "tag:yaml.org,2002:null", "tag:yaml.org,2002:str"


def is_overlay(root: Node | None) -> bool:
    """Whether a file says of itself that it names only what differs."""
    return _is_true(child(root, "overlay"))


def merge(base: Node, overlay: Node, report: Report) -> Node:
    """Return the built-in file with an overlay's changes; mistakes that only show here are reported."""
    merged = _merge((), base, overlay, report)
    own, built_in = child(overlay, "version"), child(base, "version")
    if own is None or own.tag == _NULL:
        report(overlay, "version", "an overlay needs a version of its own")
    elif isinstance(own, ScalarNode) and built_in is not None:
        both = ScalarNode(_STRING, f"{built_in.value}+{own.value}", own.start_mark, own.end_mark)
        pairs = [(key, both if key.value == "version" else value) for key, value in merged.value]
        merged = MappingNode(merged.tag, pairs, merged.start_mark, merged.end_mark)
    return merged


def child(node: Node | None, part: int | str) -> Node | None:
    """Return the node of a key or list position, if there is one."""
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: Node = node.value[part]
        return found
    if isinstance(node, MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    return None


def row_name(node: Node | None) -> str | None:
    """Return what a row calls itself."""
    field = child(node, "field")
    return field.value if isinstance(field, ScalarNode) else None


def _merge(path: Path, base: Node, change: Node, report: Report) -> Node:
    if path in _TABLES and isinstance(base, MappingNode) and isinstance(change, MappingNode):
        return _table(path, base, change, report)
    if path in _ROWS and isinstance(base, SequenceNode) and isinstance(change, SequenceNode):
        return _rows(path, base, change, report)
    return change


def _table(path: Path, base: MappingNode, change: MappingNode, report: Report) -> MappingNode:
    entries = {str(key.value): (key, value) for key, value in base.value}
    for key, value in change.value:
        name = str(key.value)
        if value.tag == _NULL:
            entries.pop(name, None)
        elif name in entries:
            entries[name] = (key, _merge((*path, name), entries[name][1], value, report))
        else:
            entries[name] = (key, value)
    return MappingNode(base.tag, list(entries.values()), change.start_mark, change.end_mark)


def _rows(path: Path, base: SequenceNode, change: SequenceNode, report: Report) -> SequenceNode:
    rows = {str(row_name(row)): row for row in base.value}
    where = ".".join(path)
    added: set[str] = set()
    for row in change.value:
        name = row_name(row) or f"(line {row.start_mark.line + 1})"
        if name in added:
            report(row, f"{where} ({name})", "has two rows in the overlay")
        added.add(name)
        if _is_true(child(row, "remove")):
            if rows.pop(name, None) is None:
                report(row, f"{where} ({name})", "the built-in file has no such row to remove")
            elif path == ("fields",) and name in STANDARD_FIELDS:
                report(row, f"{where} ({name})", "is needed by every new deal; empty its directions instead")
        elif name in rows and isinstance(row, MappingNode):
            rows[name] = _table((*path, name), rows[name], row, report)
        else:
            rows[name] = row
    return SequenceNode(base.tag, list(rows.values()), change.start_mark, change.end_mark)


def _is_true(node: Node | None) -> bool:
    return isinstance(node, ScalarNode) and yaml.safe_load(str(node.value)) is True


__all__ = ["child", "is_overlay", "merge", "row_name"]
