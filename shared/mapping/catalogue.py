"""The solution catalogue: which solutions may be sold, by id, and what they are called."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from shared.deal import Value
from shared.errors import MappingError
from shared.merge import Change

if TYPE_CHECKING:
    from shared.mapping.field_map import FieldMap

NAMES = ".names"
"""Behind a record's column that holds solutions: their names by id, as the CRM's own table has them."""

NAME = "solutions"
"""`solutions.yaml` (`id: name`) or `solutions.csv` (columns id and name) beside the mapping file."""

NOT_UTF_8 = "cannot be read: it is not UTF-8 text. Save it as UTF-8."
"""What is said of a file in a code page."""

_LARGEST = 20_000


def load_catalogue(directory: Path | None) -> dict[str, str]:
    """Return the names of the solutions by id; empty without a catalogue. Raises MappingError for a bad file."""
    if directory is None:
        return {}
    if (path := directory / f"{NAME}.yaml").exists():
        found = _of_yaml(path)
    elif (path := directory / f"{NAME}.csv").exists():
        found = _of_csv(path)
    else:
        return {}
    if not found:
        raise MappingError(f"{path.name}: names no solution; take the file away, or list what may be sold")
    if len(found) > _LARGEST:
        raise MappingError(f"{path.name}: has more than {_LARGEST} solutions")
    return found


def named(
    field_map: FieldMap, changes: Iterable[Change], record: Mapping[str, object] | None = None
) -> Iterator[Change]:
    """Yield changes for people's eyes: solutions with their names, where the catalogue or the record's rows have them.

    `record` are the record's columns as they were read, where they were.
    """
    names = {**_of_rows(field_map, record or {}), **field_map.catalogue}

    def shown(value: Value) -> Value:
        if not isinstance(value, tuple):
            return value
        return tuple(f"{each} ({names[each]})" if names.get(each) else each for each in value)

    for change in changes:
        row = field_map.rows.get(change.name)
        sold = bool(names) and row is not None and row.pair.codec == "solutions"
        yield replace(change, old=shown(change.old), new=shown(change.new)) if sold else change


def _of_rows(field_map: FieldMap, record: Mapping[str, object]) -> dict[str, str]:
    row = field_map.in_rows
    held = record.get(f"{row.pair.column}{NAMES}") if row else None
    return {str(each): str(name) for each, name in held.items()} if isinstance(held, dict) else {}


def _of_yaml(path: Path) -> dict[str, str]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MappingError(f"{path.name}: {NOT_UTF_8}") from error
    except (OSError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise MappingError(f"{path.name}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise MappingError(f"{path.name}: must be a table, one line a solution: SOL-20311-QXT: Insight Hub")
    return {str(each).strip(): str(name or "").strip() for each, name in content.items()}


def _of_csv(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = {(name or "").strip().casefold(): name for name in reader.fieldnames or ()}
            key = next((columns[each] for each in ("id", "solution identifier") if each in columns), None)
            if key is None:
                raise MappingError(f"{path.name}, line 1: has no column id; it has {', '.join(columns) or 'none'}")
            title = next((columns[each] for each in ("name", "solution name") if each in columns), key)
            rows = [(str(row[key] or "").strip(), str(row[title] or "").strip()) for row in reader]
    except UnicodeDecodeError as error:
        raise MappingError(f"{path.name}: {NOT_UTF_8}") from error
    except (OSError, csv.Error) as error:
        raise MappingError(f"{path.name}: cannot be read: {error}") from error
    return {each: name for each, name in rows if each}
