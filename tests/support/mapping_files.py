"""Mapping files with edits, and how they are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import MappingError
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import BUILT_IN, load_mapping

TEXT = (BUILT_IN / "dynamics365.yaml").read_text(encoding="utf-8")


def edited(old: str, new: str) -> str:
    """The built-in file with one edit in front of its section of leads, which must apply exactly once."""
    ours, mark, leads = TEXT.partition("\n# Leads:")
    assert ours.count(old) == 1, old
    return ours.replace(old, new) + mark + leads


def write(directory: Path, text: str) -> Path:
    """Put a file into a MAPPING_DIR."""
    (directory / "dynamics365.yaml").write_text(text, encoding="utf-8")
    return directory


def load(directory: Path, text: str) -> FieldMap:
    """Return what a file is loaded as."""
    return load_mapping("dynamics365", write(directory, text))


def refusal(directory: Path, text: str) -> str:
    """Return what is said of a file that cannot be used."""
    with pytest.raises(MappingError) as caught:
        load(directory, text)
    return str(caught.value)


def line_of(text: str, part: str) -> int:
    """Return the number of the first line that holds `part`."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)
