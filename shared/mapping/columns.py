"""Which columns of the record a mapping file has the app read, and which of them its table may lack."""

from __future__ import annotations

from collections.abc import Iterable

from shared.mapping.conditions import Condition
from shared.mapping.model import MappingFile
from shared.mapping.pair import Pair


def read_of_record(file: MappingFile) -> tuple[str, ...]:
    """Return every column of the record that is read."""
    own, form = file.columns, file.registration
    mapped = [row.column for row in file.fields if row.side == "ours" and row.rows is None]
    state = sorted({column for _, entry in file.status.entries() for column in entry})
    ours = (own.sync, own.referral_identifier, own.referral_link, own.status)
    asked = _asked(file.sync_when.record)
    registered = [*_of_rows(form.form), *_asked(form.when)] if form else []
    return tuple(dict.fromkeys([*mapped, *state, *ours, *asked, *registered]))


def optional_of_record(file: MappingFile) -> tuple[str, ...]:
    """Return every column of the record that its table may lack; the app works without."""
    shown = file.registration.status_column if file.registration else None
    told = [row.column for row in file.fields if row.side == "microsoft"]
    return (*told, *(column for column in (file.columns.notes_for_microsoft, shown) if column))


Behind = tuple[str, str]
"""A look-up, empty for none, and the column of the row that it leads to."""


def behind(text: str) -> Behind:
    """Return where a value stands: `column`, or `look-up.column`."""
    look_up, _, column = text.rpartition(".")
    return look_up, column


def _of_rows(rows: Iterable[Pair]) -> list[str]:
    return [column for row in rows for column in (row.column, row.fallback_column) if column]


def _asked(condition: str | None) -> tuple[str, ...]:
    return Condition(condition).names if condition else ()
