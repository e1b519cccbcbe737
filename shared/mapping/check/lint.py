"""Validates a mapping file that is well formed: alone, and against the live CRM.

Nothing here calls anybody. `lint` takes what the CRM said about its tables as a value; without it, only what can be
known without a CRM is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date

from shared.errors import DataError
from shared.lifecycle import Stage
from shared.mapping.check import referral_shape as wire
from shared.mapping.check.findings import Finding, Severity, error, warning
from shared.mapping.check.lead_places import of_lead
from shared.mapping.check.lint_live import check_against_live_tables
from shared.mapping.check.lint_registration import registration_findings
from shared.mapping.check.needs import Need, Place, record_needs
from shared.mapping.check.tables import Description
from shared.mapping.codecs import ENTRIES
from shared.mapping.conditions import Condition
from shared.mapping.field_map import FieldMap
from shared.mapping.model import FieldRow, MappingFile, Pair
from shared.mapping.new_record import column_value
from shared.mapping.owners import OwnerKind
from shared.mapping.sections import Scalar

Where = Callable[[Place], tuple[str, int]]
"""Finds the file and the line of a place."""

__all__ = ["Finding", "Severity", "lint", "lint_leads", "offline"]


def lint(file: MappingFile, where: Where, live: Description | None = None) -> list[Finding]:
    """Return everything that is wrong, in the order of the file; with `live`, also against the CRM's tables."""
    found = [*offline(file), *(check_against_live_tables(file, live) if live else ())]
    found += [] if live else _leads(file)
    return _placed(found, where)


def lint_leads(file: MappingFile, where: Where, live: Description) -> list[Finding]:
    """Return everything that is wrong with the section of leads, also against their table; nothing without one."""
    for_lead = file.for_lead()
    if for_lead is None or file.lead is None:
        return []
    return _placed([*_leads(file), *of_lead(check_against_live_tables(for_lead, live, lead=True), file.lead)], where)


def _leads(file: MappingFile) -> list[Finding]:
    for_lead = file.for_lead()
    return list(of_lead(offline(for_lead), file.lead)) if for_lead and file.lead else []


def _placed(found: Iterable[Finding], where: Where) -> list[Finding]:
    placed = [replace(each, file=name, line=line) for each in found for name, line in [where(each.place)]]
    return sorted(placed, key=lambda each: (each.file, each.line))


def offline(file: MappingFile) -> Iterator[Finding]:
    """Yield what is wrong whatever the CRM looks like."""
    for number, row in enumerate(file.fields):
        yield from _path(row.field, ("fields", number), row, wire.MICROSOFT if row.optional else wire.REFERRAL)
        yield from _to_partner_center(("fields", number), row)
        yield from _values(("fields", number), row)
    yield from _side_rows(file)
    yield from _constants(file)
    yield from _new_record(file)
    yield from _conditions(file)
    yield from _doubled_paths(file)
    yield from _doubled_columns(file)
    yield from _stages(file)
    yield from _owners(file)
    yield from registration_findings(file)


# --- paths -----------------------------------------------------------------------------------------------------------


def _side_rows(file: MappingFile) -> Iterator[Finding]:
    for number, row in enumerate(file.account.fields):
        yield from _path(f"account.{row.field}", ("account", "fields", number), row, wire.REFERRAL)
    for section, rows in (("contact", file.contact), ("owner", file.owner)):
        for number, row in enumerate(rows):
            yield from _path(f"{section}.{row.field}", (section, number), row, wire.MEMBER)


def _path(field: str, place: Place, row: Pair, shape: wire.Shape) -> Iterator[Finding]:
    """Yield what is wrong with a row's paths: unknown, or of another kind than the codec reads."""
    known = dict(wire.leaves(shape))
    for key, path in (("referral", row.referral), ("fallback", row.fallback)):
        if path is None:
            continue
        wanted, held = (
            wire.HOLDS.get(row.codec),
            known.get(path) or (wire.held_at(path) if shape is wire.REFERRAL else None),
        )
        if held is None:
            yield error(field, (*place, key), f"a referral has no {path}", known, path)
        elif path in ENTRIES:
            yield from _entry(field, place, row, wanted)
        elif row.entry:
            yield error(field, (*place, "entry"), f"{path} is no list of {{type, id}} objects")
        elif path in wire.PERHAPS_MEMBERS:
            yield warning(
                field, (*place, key), f"no page shows where {path} stands in a referral; look at one of yours"
            )
        elif wanted and held != wanted and not (held == wire.LIST and wanted in wire.LISTS):
            what = f"{path} holds {held}, which codec {row.codec} does not read"
            yield error(field, (*place, "codec"), what)


def _entry(field: str, place: Place, row: Pair, holds: str | None) -> Iterator[Finding]:
    """Yield why a row does not fit a list whose entries are of several types."""
    if row.entry is None:
        what = f"{row.referral} holds objects of several types; name the one that the row is about: entry: ..."
        yield error(field, (*place, "referral"), what)
    elif holds != wire.TEXT:
        yield error(field, (*place, "codec"), f"the id of an entry is text, which codec {row.codec} does not read")


def _to_partner_center(place: Place, row: FieldRow) -> Iterator[Finding]:
    """Yield why Partner Center would not take a row."""
    path, at = row.referral, (*place, "to_partner_center")
    if not row.to_partner_center or wire.held_at(path) is None:
        return
    if path in wire.OWNED:
        yield error(row.field, at, f"{path} is written by {wire.OWNED[path]}; leave this direction empty")
    elif "create" in row.to_partner_center and path in wire.CREATED:
        yield error(row.field, at, f"{path} of a new referral is written by {wire.CREATED[path]}; take out create")
    elif path.split(".")[0] in wire.READ_ONLY:
        yield error(row.field, at, f"Partner Center sets {path} by itself; leave this direction empty")
    elif "update" in row.to_partner_center and path in wire.PERHAPS_PATCHABLE:
        yield warning(row.field, at, f"Partner Center does not document updates of {path} and may refuse them")
    elif "update" in row.to_partner_center and path not in wire.PATCHABLE:
        what = f"Partner Center takes no update of {path}, only a value at create"
        yield error(row.field, at, what, wire.PATCHABLE - {path}, path)


def _values(place: Place, row: FieldRow) -> Iterator[Finding]:
    """Yield codes that a table of values maps in vain; that none occurs twice is the model's business."""
    at = (*place, "values")
    codes = list((row.values or {}).values())
    for code in sorted(set(codes) & set(row.empty)):
        yield error(row.field, at, f"the code {code} means an option and, by `empty`, no option at all")
    valid = wire.CODES.get(row.referral)
    for code in codes if valid else ():
        if code not in (valid or ()):
            yield error(row.field, at, f"Partner Center has no code {code}", valid or (), code)


# --- targets that two writers fight over -----------------------------------------------------------------------------


def _constants(file: MappingFile) -> Iterator[Finding]:
    """Yield what is wrong with the constants of a new referral."""
    known = dict(wire.leaves(wire.REFERRAL))
    sent = {row.referral: row.field for row in file.fields if "create" in row.to_partner_center}
    sent |= {row.referral: f"account.{row.field}" for row in file.account.fields}
    for path, constant in file.new_referral.items():
        place = ("new_referral", path)
        if path in ENTRIES:
            yield from _constant_entries(file, path, constant)
            continue
        if path not in known and not any(each.startswith(f"{path}.") for each in known):
            yield error("new_referral", place, f"a referral has no {path}", known, path)
        for other, field in sent.items():
            if other == path or other.startswith(f"{path}.") or path.startswith(f"{other}."):
                yield error("new_referral", place, f"{path} is also written by {field}: two writers, one target")


def _constant_entries(file: MappingFile, path: str, constant: object) -> Iterator[Finding]:
    """Yield entries of a constant list that a row writes as well; the row would win, with its default."""
    rows = {(row.entry or "").casefold(): row for row in file.fields if row.referral == path and row.to_partner_center}
    for each in constant if isinstance(constant, list) else ():
        kind = str(each.get(ENTRIES[path]) if isinstance(each, dict) else "")
        if row := rows.get(kind.casefold()):
            what = f"the entry {kind} of {path} is also written by {row.field}: two writers, one target"
            yield error("new_referral", ("new_referral", path), what)


def _new_record(file: MappingFile) -> Iterator[Finding]:
    """Yield what is wrong with the constants and rules of a new record: other writers, values that no row can read."""
    columns = file.columns
    own = {columns.sync, columns.referral_identifier, columns.referral_link, columns.audit, columns.status}
    status = {column for _, entry in file.status.entries() for column in entry}
    rows = {row.pair.column: row for row in FieldMap(file).rows.values()}
    for name, given in file.new_record.items():
        place = ("new_record", name)
        if name in own | status:
            writer = "the app" if name in own else "the status table"
            yield error("new_record", place, f"{name} is written by {writer}: two writers, one target")
        elif name in rows:
            try:
                rows[name].read_record({name: column_value(given, date(2000, 1, 1))})
            except DataError as unfit:
                yield error("new_record", place, f"{name} cannot be {given}: {unfit.problems[0].rule}")


def _conditions(file: MappingFile) -> Iterator[Finding]:
    """Yield names that a condition asks a referral for in vain: it would never be met."""
    for name in Condition(file.sync_when.referral).names if file.sync_when.referral else ():
        if name not in wire.REFERRAL:
            place = ("sync_when", "referral")
            yield error("sync_when.referral", place, f"a referral has no {name}", wire.REFERRAL, name)


def _doubled_paths(file: MappingFile) -> Iterator[Finding]:
    """Yield rows that write one place of the referral at the same moment."""
    writers: dict[tuple[str, str | None, str], str] = {}
    for number, row in enumerate(file.fields):
        for moment in row.to_partner_center:
            first = writers.setdefault((row.referral, row.entry, moment), row.field)
            if first != row.field:
                what = f"{row.referral} is also written by {first} at {moment}: two writers, one target"
                yield error(row.field, ("fields", number, "referral"), what)
                break
    for section, place, rows in _sections(file):
        for number in _repeats([f"{row.referral} {row.entry or ''}" for row in rows]):
            what = f"{rows[number].referral} has another row: two writers, one target"
            yield error(f"{section}.{rows[number].field}", (*place, number, "referral"), what)


def _doubled_columns(file: MappingFile) -> Iterator[Finding]:
    """Yield columns of the CRM that two writers would write."""
    status = {column for _, entry in file.status.entries() for column in entry}
    writers: dict[str, str] = dict.fromkeys(status, "status")
    for need in record_needs(file):
        first = writers.setdefault(need.column, need.field)
        if first != need.field:
            yield _fight(need, first)
    for section, place, rows in _sections(file):
        for number in _repeats([row.column for row in rows]):
            what = f"the column {rows[number].column} has another row: two writers, one target"
            yield error(f"{section}.{rows[number].field}", (*place, number, "column"), what)


def _fight(need: Need, first: str) -> Finding:
    what = f"the column {need.column} also belongs to {first}: two writers, one target"
    return error(need.field, need.place, what)


def _sections(file: MappingFile) -> Iterator[tuple[str, Place, tuple[Pair, ...]]]:
    yield "account", ("account", "fields"), file.account.fields
    yield "contact", ("contact",), file.contact
    yield "owner", ("owner",), file.owner


def _repeats(names: list[str]) -> list[int]:
    """Return the positions at which a name stands for the second time or more."""
    return [number for number, name in enumerate(names) if name in names[:number]]


# --- stages ----------------------------------------------------------------------------------------------------------


def _stages(file: MappingFile) -> Iterator[Finding]:
    """Yield stages that, once written, would be read as another one."""
    compiled, written = FieldMap(file), dict[Stage, dict[str, Scalar]]()
    for stage, entry in file.status.entries():
        written.setdefault(stage, entry)
    for stage, entry in written.items():
        try:
            read = compiled.record_stage(entry)
        except DataError:
            read = stage
        if read is not stage:
            what = f"what is written for {stage} reads back as {read}: the two need different columns"
            yield error(f"status.{stage}", ("status", stage.value, 0), what)


# --- people ----------------------------------------------------------------------------------------------------------


def _owners(file: MappingFile) -> Iterator[Finding]:
    """Yield teams that are to own records of Salesforce, whose tables begin with a capital, and misplaced queues."""
    for place, assignee in file.owner_rules.named():
        if assignee.kind is OwnerKind.TEAM and file.table[:1].isupper():
            yield error(".".join(place), place, f"no team owns a record of {file.table}; name a user")
        if assignee.kind is OwnerKind.QUEUE and file.table != "Lead":
            what = f"no queue owns a record of {file.table}; name one for leads of Salesforce, under lead.owner_rules"
            yield error(".".join(place), place, what)
