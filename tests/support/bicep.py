"""Reads Bicep well enough to ask what it says: declarations, values, and the names that expressions use.

No compiler: types, API versions and property names are not checked here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

FOLDER = Path(__file__).resolve().parents[2] / "infra"

FUNCTIONS = frozenset(
    [
        "contains",
        "empty",
        "environment",
        "filter",
        "guid",
        "items",
        "length",
        "loadTextContent",
        "map",
        "replace",
        "resourceGroup",
        "split",
        "subscription",
        "subscriptionResourceId",
        "tenant",
        "toLower",
        "toObject",
        "trim",
        "union",
        "uniqueString",
        "allowed",
        "description",
        "minLength",
        "maxLength",
        "minValue",
        "maxValue",
    ]
)
"""What of Bicep's own is used; a misspelt function is found by not being here."""


class Expression(str):
    """A value that only a deployment knows, as it is written."""

    __slots__ = ()


@dataclass
class Declared:
    """A parameter, variable, resource, module or output."""

    kind: str
    name: str
    type: str = ""
    value: Any = None
    condition: str = ""
    decorators: str = ""
    repeated: str = ""
    inner: list[Declared] = field(default_factory=list)


@dataclass
class Template:
    """One file."""

    path: Path
    declared: list[Declared]
    broken: list[str]
    used: set[str]
    known: set[str]

    def of(self, kind: str) -> dict[str, Declared]:
        """Return the declarations of a kind, by name."""
        return {each.name: each for each in self.declared if each.kind == kind}

    def resources(self) -> list[Declared]:
        """Return every resource, those inside others too."""
        return [inner for each in self.declared if each.kind == "resource" for inner in (each, *each.inner)]


def templates() -> dict[str, Template]:
    """Return every template, by file name."""
    return {file.name: read(file) for file in sorted(FOLDER.glob("*.bicep"))}


@functools.cache
def read(path: Path) -> Template:
    """Read one file."""
    root = Parser(Language(tree_sitter_bicep.language())).parse(path.read_bytes()).root_node
    template = Template(path, [], [], set(), set())
    decorators = ""
    for node in root.named_children:
        if node.type == "decorators":
            decorators = _text(node)
            continue
        kind = node.type.removesuffix("_declaration")
        if kind in ("parameter", "variable", "resource", "module", "output"):
            template.declared.append(_declared(kind, node, decorators))
            decorators = ""
    for node in _walk(root):
        if node.type == "ERROR" or node.is_missing or _repeats(node):
            template.broken.append(f"{path.name}:{node.start_point[0] + 1}: {_text(node)[:80]}")
        _note(node, template)
    return template


def _declared(kind: str, node: Node, decorators: str) -> Declared:
    children = [each for each in node.named_children if each.type != "comment"]
    found = Declared(kind, _text(children[0]), decorators=decorators)
    rest = children[1:]
    if kind in ("resource", "module"):
        found.type, rest = str(_value(rest[0])), rest[1:]
    elif rest and rest[0].type == "type":
        found.type, rest = _text(rest[0]), rest[1:]
    body = rest[-1] if rest else None
    while body is not None and body.type in ("if_statement", "for_statement"):
        before = " ".join(_text(each) for each in body.named_children[:-1])
        found.condition, found.repeated = (
            (before, found.repeated) if body.type == "if_statement" else (found.condition, before)
        )
        body = body.named_children[-1]
    if body is not None:
        found.value = _value(body)
        found.inner = [
            _declared("resource", each, "")
            for each in _walk(body)
            if each.type == "resource_declaration" and each is not node
        ]
    return found


def _value(node: Node) -> Any:
    if node.type == "object":
        pairs = [each.named_children for each in node.named_children if each.type == "object_property"]
        return {str(_value(pair[0])): _value(pair[1]) for pair in pairs if len(pair) == 2}
    if node.type == "array":
        return [_value(each) for each in node.named_children if each.type != "comment"]
    if node.type == "string" and not any(each.type == "interpolation" for each in node.named_children):
        return _text(node)[1:-1].replace("\\'", "'")
    if node.type in ("number", "boolean"):
        return {"true": True, "false": False}.get(_text(node)) if node.type == "boolean" else int(_text(node))
    return None if node.type == "null" else Expression(_text(node))


def _repeats(node: Node) -> bool:
    """Whether a property stands in its object before already, which the compiler refuses (BCP025)."""
    if node.type != "object_property" or node.parent is None:
        return False
    before = node.parent.named_children
    before = before[: before.index(node)]
    name = _text(node.named_children[0])
    return any(each.type == "object_property" and _text(each.named_children[0]) == name for each in before)


def _note(node: Node, template: Template) -> None:
    """Note a name that is declared, or used."""
    above = node.parent
    if above is None or node.type not in ("identifier", "loop_variable", "loop_enumerator"):
        return
    first = above.named_children[0] == node
    declares = first and (above.type.endswith("_declaration") or above.type in ("for_statement", "lambda_expression"))
    if declares or node.type != "identifier":
        template.known.add(_text(node))
    elif not (first and above.type == "object_property"):
        template.used.add(_text(node))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _text(node: Node) -> str:
    return (node.text or b"").decode()
