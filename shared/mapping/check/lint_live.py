"""The part of lint that holds a mapping file against the CRM's own description of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from shared.lifecycle import Stage
from shared.mapping.check.findings import Finding, error, warning
from shared.mapping.check.lint_new_record import check_new_record
from shared.mapping.check.lint_rows import rows_findings
from shared.mapping.check.needs import Need, Place, account_needs, contact_needs, owner_needs, record_needs
from shared.mapping.check.tables import Column, Description, Kind, Option, Table
from shared.mapping.conditions import Condition
from shared.mapping.model import MappingFile
from shared.mapping.new_record import logical_name
from shared.mapping.sections import Scalar

_WRITTEN_BY_STAGE = (Kind.STATE, Kind.STATUS)
_WITH_OPTIONS = (Kind.CHOICE, Kind.STATE, Kind.STATUS)


def check_against_live_tables(file: MappingFile, live: Description, *, lead: bool = False) -> Iterator[Finding]:
    """Yield what does not fit the live tables. The file may be that for leads, whom the app never qualifies."""
    record = record_needs(file)
    yield from _columns(record, live.record)
    yield from _columns(account_needs(file), live.account)
    yield from _columns(contact_needs(file), live.contact)
    yield from _columns(owner_needs(file), live.owner)
    for stage, number, entry in _entries(file):
        written = number == 0 and not (lead and stage is Stage.WON)
        yield from _entry(stage, ("status", stage.value, number), entry, live.record, written=written)
    yield from check_new_record(file, live.record)
    yield from rows_findings(file, live.rows)
    shown = {column for _, number, entry in _entries(file) if number == 0 for column in entry}
    shown |= {logical_name(column) for column in file.new_record}
    yield from _unfilled(record, live.record, ("fields",), shown)
    yield from _unfilled(account_needs(file), live.account, ("account",))
    if file.contact_in_crm:
        yield from _unfilled(contact_needs(file), live.contact, ("contact",))
    for name in Condition(file.sync_when.record).names if file.sync_when.record else ():
        if name not in live.record.columns:
            yield _missing("sync_when.record", ("sync_when", "record"), name, live.record)
    when = file.registration.when if file.registration else None
    for name in Condition(when).names if when else ():
        if name not in live.record.columns:
            yield _missing("registration.when", ("registration", "when"), name, live.record)
    yield from _key(file, live.record)
    yield from _owners(file, live)
    if not live.record.change_tracking:
        what = f"change tracking is off for {live.record.name}; turn on Track changes in the table's settings"
        yield error("table", ("table",), what)


def column_mismatches(need: Need, column: Column) -> Iterator[Finding]:
    """Yield why an existing column cannot hold what the mapping file wants to keep in it, whoever may write it."""
    if what := wrong_kind(need, column):
        yield error(need.field, need.place, what)
        return
    yield from _length(need, column)
    yield from _options(need, column)
    if need.digits is not None and column.digits is not None and need.digits > column.digits:
        what = f"keeps {need.digits} digits, but the column {need.column} has only {column.digits}"
        yield error(need.field, (*need.place[:-1], "digits"), what)


def wrong_kind(need: Need, column: Column) -> str:
    """Return both types when an existing column has another one than the mapping file needs, else an empty text.

    Without a table of values a choice is written as text, which takes options that are words (Salesforce's picklists).
    """
    numbers = not need.values and any(isinstance(option.value, int) for option in column.options)
    if not need.kinds or (column.kind in need.kinds and not numbers):
        return ""
    return f"the column {need.column} is {column}{' of numbers' * numbers}, but it must be {' or '.join(need.kinds)}"


def _columns(needs: Iterable[Need], table: Table) -> Iterator[Finding]:
    for need in needs:
        column = table.columns.get(need.column)
        if column is None:
            yield _absent(need, table)
        else:
            yield from column_mismatches(need, column)
            yield from _read(need, column)
            yield from _write(need, column)
            yield from _look_up(need, column, table)


def _look_up(need: Need, column: Column, table: Table) -> Iterator[Finding]:
    """Yield why a look-up cannot be mapped: the app knows the code of a row only where the CRM's client says so."""
    if column.kind is not Kind.LOOKUP or column.coded or wrong_kind(need, column):
        return
    known = [each.name for each in table.columns.values() if each.coded]
    rest = f"use {' or '.join([*known, 'a text column with the code'])}"
    what = f"the column {need.column} looks up {', '.join(column.targets) or 'a row'} by its id, not by a code; {rest}"
    yield error(need.field, need.place, what)


def _absent(need: Need, table: Table) -> Finding:
    if not need.optional:
        return _missing(need.field, need.place, need.column, table)
    what = f"the table {table.name} has no column {need.column}, or hides it: what it would show is left out"
    return warning(need.field, need.place, what, can_be_provisioned=True)


def _missing(field: str, place: Place, name: str, table: Table) -> Finding:
    what = f"the table {table.name} has no column {name}, or hides it from the app's user"
    return error(field, place, what, table.columns, name, can_be_provisioned=True)


def _length(need: Need, column: Column) -> Iterator[Finding]:
    if column.length is None or not (need.create or need.update):
        return
    own = need.place[0] == "columns"
    if need.length is None:
        if column.kind is Kind.TEXT and Kind.MEMO in need.kinds:
            what = f"has no limit, so a text over the column's {column.length} characters is refused"
            yield warning(need.field, (*need.place[:-1], "limit"), what)
    elif need.length > column.length:
        place = need.place if own else (*need.place[:-1], "limit")
        what = f"writes up to {need.length} characters, but the column {need.column} holds {column.length}"
        yield error(need.field, place, what)


def _read(need: Need, column: Column) -> Iterator[Finding]:
    if column.hidden:
        what = f"the column {need.column} {column.hidden}: it would look empty, and be cleared on the other side"
        yield error(need.field, need.place, what)


def _write(need: Need, column: Column) -> Iterator[Finding]:
    for moment, wanted, possible in (
        ("create", need.create, column.creatable),
        ("update", need.update, column.updatable),
    ):
        if wanted and not possible:
            what = f"the CRM does not let the column {need.column} be written at {moment}"
            yield error(need.field, need.place, what, can_be_provisioned=True)


def _options(need: Need, column: Column) -> Iterator[Finding]:
    if not need.values or column.kind is not Kind.CHOICE:
        return
    place = (*need.place[:-1], "values")
    held = {option.value for option in column.options}
    for value, code in need.values:
        if value not in held:
            yield error(need.field, place, f"{_unknown(need.column, value, column.options)} ({code})")
    mapped = {value for value, _ in need.values}
    for option in column.options:
        if option.value not in mapped:
            what = f"option {option.value} ({option.label}) of {need.column} has no code: deals with it are set aside"
            yield warning(need.field, place, what)


def _unknown(column: str, value: Scalar, options: Iterable[Option]) -> str:
    known = ", ".join(str(each.value) + (f" {each.label}" if each.label != each.value else "") for each in options)
    return f"{column} has no option {value}; it has {known}"


# --- stages ----------------------------------------------------------------------------------------------------------


def _entries(file: MappingFile) -> Iterator[tuple[Stage, int, Mapping[str, Scalar]]]:
    counts: dict[Stage, int] = {}
    for stage, entry in file.status.entries():
        yield stage, counts.setdefault(stage, 0), entry
        counts[stage] += 1


def _entry(
    stage: Stage, place: Place, entry: Mapping[str, Scalar], table: Table, *, written: bool
) -> Iterator[Finding]:
    """Yield why a row of the status table is no state the CRM knows."""
    field = f"status.{stage}"
    for name, value in entry.items():
        column = table.columns.get(name)
        if column is None:
            yield _missing(field, place, name, table)
        elif written and not column.updatable:
            yield error(field, place, f"the first entry is written, but {name} is read-only; put it into a later one")
        elif column.kind in _WITH_OPTIONS:
            yield from _option(stage, place, column, value, written=written)
    yield from _pair(field, place, entry, table)
    for kind in _WRITTEN_BY_STAGE if written else ():
        column = _of_kind(table, kind)
        if column and column.name not in entry:
            yield error(field, place, f"the first entry is written, so it must name {column.name}")


def _option(stage: Stage, place: Place, column: Column, value: Scalar, *, written: bool) -> Iterator[Finding]:
    """Yield why one column's value does not stand for the stage."""
    field = f"status.{stage}"
    option = next((each for each in column.options if each.value == value), None)
    if option is None:
        yield error(field, place, _unknown(column.name, value, column.options))
    elif option.means is not None and stage not in option.means:
        meant = " or ".join(sorted(option.means))
        yield error(field, place, f"{column.name} {value} means {meant} in the CRM, not {stage}")
    elif written and not option.active:
        yield error(field, place, f"{column.name} {value} is no longer active, so it cannot be written")


def _pair(field: str, place: Place, entry: Mapping[str, Scalar], table: Table) -> Iterator[Finding]:
    state, status = _of_kind(table, Kind.STATE), _of_kind(table, Kind.STATUS)
    if not state or not status or state.name not in entry:
        return
    for option in status.options:
        if option.value == entry.get(status.name) and option.state not in (None, entry[state.name]):
            what = f"{status.name} {option.value} ({option.label}) belongs to {state.name} {option.state}"
            yield error(field, place, f"{what}, not to {entry[state.name]}")


def _of_kind(table: Table, kind: Kind) -> Column | None:
    return next((column for column in table.columns.values() if column.kind is kind), None)


# --- people ----------------------------------------------------------------------------------------------------------


def _owners(file: MappingFile, live: Description) -> Iterator[Finding]:
    """Yield whom the owner rules name in vain; a deal then goes on to the next rule."""
    for place, assignee in file.owner_rules.named():
        if assignee in live.missing_owners:
            what = f"the CRM has no active {assignee}, or more than one of that name: the rule finds nobody"
            yield warning(".".join(place), place, what)


# --- the table as a whole --------------------------------------------------------------------------------------------


def _unfilled(needs: Iterable[Need], table: Table, place: Place, shown: Iterable[str] = ()) -> Iterator[Finding]:
    """Yield columns without which the CRM refuses a new row, and that neither a row nor the status fills."""
    filled = {need.column for need in needs if need.create} | set(shown)
    for column in table.columns.values():
        if column.required and column.name not in filled:
            what = f"the table {table.name} demands {column.name} ({column}) of every new row, and no row writes it"
            what += "; give it a value under new_record" if place == ("fields",) else ""
            yield error(place[0] if isinstance(place[0], str) else "", place, what)


def _key(file: MappingFile, table: Table) -> Iterator[Finding]:
    name = file.columns.referral_identifier
    field, place = "columns.referral_identifier", ("columns", "referral_identifier")
    key = table.key(name)
    if key is None:
        what = f"the table {table.name} has no {table.key_title} on {name}: a deal could be doubled"
        yield error(field, place, what, can_be_provisioned=True)
    elif not key.active:
        what = f"the {table.key_title} on {name} is {key.state}, not active: a deal could be doubled"
        yield error(field, place, what)
