"""Reads a mapping file; every mistake is reported at once, with its file and line."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml
from pydantic import ValidationError

from shared.errors import MappingError
from shared.mapping import catalogue, model
from shared.mapping.catalogue import load_catalogue
from shared.mapping.complaints import Place, complaints
from shared.mapping.field_map import FieldMap
from shared.mapping.overlay import child, is_overlay, merge, row_name

BUILT_IN = Path(__file__).parent

DEEPEST = 20
"""How many levels a mapping file may have; ours have six."""


def load_mapping(crm: str, directory: Path | None = None) -> FieldMap:
    """Load and compile `<crm>.yaml` from `directory` when it is there, else the built-in one.

    The file is complete, or an overlay on the built-in one (shared.mapping.overlay). Raises MappingError naming file,
    line, field and rule of everything that is wrong.
    """
    root, name = _document(crm, directory)
    try:
        return FieldMap(model.MappingFile.model_validate(_construct(root, name)), load_catalogue(directory))
    except ValidationError as error:
        told = complaints(root, error.errors(), _known_rows(crm), lambda place: _position(root, place, name))
        raise MappingError("\n".join(told)) from error


def positions(crm: str, directory: Path | None = None) -> Callable[[Place], tuple[str, int]]:
    """Return what finds the file and the line of a place in the mapping that `load_mapping` reads."""
    root, name = _document(crm, directory)
    return lambda place: _position(root, place, name)


def _document(crm: str, directory: Path | None) -> tuple[yaml.Node | None, str]:
    """Return the whole document, an overlay merged with what it is laid over, and its file's name."""
    path = BUILT_IN / f"{crm}.yaml"
    if directory is not None:
        if not directory.is_dir():
            raise MappingError(f"MAPPING_DIR: {directory} is not a folder")
        if (directory / path.name).exists():
            path = directory / path.name
        elif problem := _overlooked(directory, path.name):
            raise MappingError(f"Mapping folder (MAPPING_DIR): {problem}")
    root = _compose(path, path.name)
    if root is None or not is_overlay(root):
        return root, path.name
    base = _compose(BUILT_IN / path.name, f"built-in {path.name}")
    problems: list[str] = []
    if base is not None:
        root = merge(base, root, lambda node, what, rule: problems.append(f"{_mark(node)}: {what}: {rule}"))
    if problems:
        raise MappingError("\n".join(problems))
    return root, path.name


def _overlooked(directory: Path, name: str) -> str:
    """Return why a folder that lacks a CRM's file was probably meant to hold it; empty when it serves another CRM."""
    files = sorted(path.name for path in directory.iterdir() if path.suffix.casefold() in (".yaml", ".yml"))
    others = {path.name for path in BUILT_IN.glob("*.yaml")}
    strange = [each for each in files if each not in {*others, f"{catalogue.NAME}.yaml"}]
    if strange or not files:
        found = f"it holds {', '.join(strange)}" if strange else "it holds no mapping file"
        return f"{directory} has no {name}, and {found}. Name the file {name}, or name no folder at all."
    return ""


# --- YAML ------------------------------------------------------------------------------------------------------------


class _Named(io.StringIO):
    """A text under its file's name, which the marks of its nodes have."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


class _Loader(yaml.CSafeLoader):
    """Knows the line of a scalar that is no value (2026-02-30). LibYAML reads a file in a twentieth of the time."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:  # noqa: FBT001, FBT002 (PyYAML's)
        """Construct a value. Raises YAMLError."""
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from error


def _compose(path: Path, name: str) -> yaml.Node | None:
    try:
        text = path.read_text(encoding="utf-8")
        _expect_plain(text, name)
        root: yaml.Node | None = _Loader(_Named(text, name)).get_single_node()
        doubled = [f"{_mark(key)}: {key.value}: given twice" for key in _doubled(root)] if root else []
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise _unreadable(name, error) from error
    if doubled:
        raise MappingError("\n".join(doubled))
    return root


def _expect_plain(text: str, name: str) -> None:
    """Raise MappingError for an alias (a few of them, each of many others, fill any memory), and for depth.

    Raises YAMLError for what is no YAML.
    """
    depth, rule = 0, ""
    for event in yaml.parse(_Named(text, name), _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            rule = "aliases (*name) are not allowed; write the value out"
        elif depth > DEEPEST:
            rule = f"more than {DEEPEST} levels are not allowed"
        if rule:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise MappingError(f"{name}, line {line}: cannot be read: {rule}")


def _construct(root: yaml.Node | None, name: str) -> object:
    try:
        return None if root is None else _Loader("").construct_document(root)
    except (yaml.YAMLError, RecursionError) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> MappingError:
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.MarkedYAMLError) and mark is not None:
        return MappingError(f"{mark.name}, line {mark.line + 1}: cannot be read: {error.problem}")
    if isinstance(error, UnicodeDecodeError):
        return MappingError(f"{name}: {catalogue.NOT_UTF_8}")
    return MappingError(f"{name}: cannot be read: {error}")


def _doubled(node: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every key that its table has already; YAML would let the last one win in silence."""
    if isinstance(node, yaml.MappingNode):
        seen: set[tuple[str, str]] = set()
        for key, value in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                yield key
            seen.add(name)
            yield from _doubled(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _doubled(each)


# --- what is wrong, and where ----------------------------------------------------------------------------------------


def _known_rows(crm: str) -> frozenset[str]:
    """Return the names of the built-in file's rows."""
    root = _compose(BUILT_IN / f"{crm}.yaml", f"built-in {crm}.yaml")
    lists = [child(root, "fields"), child(child(root, "lead"), "fields")]
    rows = [row for each in lists if isinstance(each, yaml.SequenceNode) for row in each.value]
    return frozenset(name for name in map(row_name, rows) if name)


def _position(root: yaml.Node | None, place: Place, name: str) -> tuple[str, int]:
    """Return file and 1-based line of the deepest node on the way to `place`."""
    mark = root.start_mark if root else None
    node = root
    for part in place:
        node = child(node, part)
        if node is None:
            break
        mark = node.start_mark
    return (mark.name, mark.line + 1) if mark else (name, 1)


def _mark(node: yaml.Node) -> str:
    return f"{node.start_mark.name}, line {node.start_mark.line + 1}"
