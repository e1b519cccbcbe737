"""Reads a mapping file; every mistake is reported at once, with its line."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from shared.errors import MappingError
from shared.mapping.compiled import Mapping
from shared.mapping.model import MappingFile

BUILT_IN = Path(__file__).parent


def load_mapping(crm: str, directory: Path | None = None) -> Mapping:
    """Load and compile `<crm>.yaml` from `directory` when it is there, else the built-in one.

    Raises MappingError naming file, line, field and rule of everything that is wrong.
    """
    path = BUILT_IN / f"{crm}.yaml"
    if directory is not None:
        if not directory.is_dir():
            raise MappingError(f"MAPPING_DIR: {directory} is not a folder")
        if (directory / path.name).exists():
            path = directory / path.name
    return Mapping(_parse(path))


def _parse(path: Path) -> MappingFile:
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MappingError(f"{path.name}: cannot be read: {error}") from error
    try:
        return MappingFile.model_validate(content)
    except ValidationError as error:
        problems = [_problem(path, node, each["loc"], each["msg"]) for each in error.errors()]
        raise MappingError("\n".join(problems)) from error


def _problem(path: Path, root: yaml.Node | None, location: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in location) or "the file"
    return f"{path.name}, line {_line(root, location)}: {where}: {message.removeprefix('Value error, ')}"


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Return the 1-based line of the deepest node on the way to `location`."""
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        node = _child(node, part)
        if node is None:
            break
        line = node.start_mark.line + 1
    return line


def _child(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    return None
