"""A mapping file made ready for use: every row becomes a pair of readers and writers."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from functools import cached_property

from shared.deal import HELP, NAME, STATUS, Fields, Value
from shared.errors import DataError, Problem
from shared.lifecycle import Stage, crm_view, referral_stage, wire_status
from shared.mapping import codecs
from shared.mapping.codecs import Codec, Json
from shared.mapping.model import FieldRow, MappingFile, Pair, Scalar
from shared.merge import Change, Rule

Document = Dict[str, object]
"""A decoded JSON object, or a CRM row by column name with look-ups resolved."""

Operation = dict[str, object]
"""One JSON-Patch operation: op, path, value."""


def _codec(pair: Pair) -> Codec:
    if pair.codec == "choice":
        return codecs.choice(pair.values or {}, pair.empty)
    if pair.codec == "money":
        return codecs.money(pair.digits)
    if pair.codec in ("name", "text"):
        return codecs.text(pair.limit, strip_mark=pair.codec == "name")
    if pair.codec == "solutions":
        return codecs.solutions(pair.limit)
    simple = {"currency": codecs.currency, "date": codecs.day, "yes_no": codecs.yes_no, "country": codecs.country}
    return simple[pair.codec]()


@dataclass(frozen=True)
class Row:
    """A pair with its codec: reads and writes one field on either side."""

    pair: Pair
    codec: Codec

    @property
    def name(self) -> str:
        """The field's name."""
        return self.pair.field

    @cached_property
    def path(self) -> tuple[str, ...]:
        """The way to the value in the referral's JSON."""
        return tuple(self.pair.referral.split("."))

    @cached_property
    def pointer(self) -> str:
        """The same as a JSON Pointer, as PATCH wants it."""
        return "/" + "/".join(self.path)

    def read_referral(self, body: Document) -> Value:
        """Return the canonical value of a referral's JSON. Raises DataError."""
        wire = get_path(body, self.path)
        if wire in (None, "") and self.pair.fallback:
            wire = get_path(body, tuple(self.pair.fallback.split(".")))
        try:
            return self.codec.from_referral(wire)
        except ValueError as error:
            remedy = f"Correct {self.pair.referral} in Partner Center."
            raise DataError(Problem(self.name, str(error), remedy)) from error

    def read_record(self, columns: Document) -> Value:
        """Return the canonical value of a CRM row. Raises DataError."""
        wire = columns.get(self.pair.column)
        if wire in (None, "") and self.pair.fallback_column:
            wire = columns.get(self.pair.fallback_column)
        try:
            return self.codec.from_record(wire)
        except ValueError as error:
            remedy = f"Correct the column {self.pair.column} in the CRM."
            raise DataError(Problem(self.name, str(error), remedy)) from error


def get_path(body: object, path: Iterable[str]) -> Json:
    """Follow `path` through nested objects; absent parts read as None."""
    for part in path:
        if not isinstance(body, Dict):
            return None
        body = body.get(part)
    return body


def put_path(body: dict[str, object], path: tuple[str, ...], value: object) -> None:
    """Set the value at `path`, making the objects on the way."""
    for part in path[:-1]:
        inner = body.setdefault(part, {})
        if not isinstance(inner, dict):
            raise TypeError(f"{part} is not an object")
        body = inner
    body[path[-1]] = value


def _rows(pairs: Iterable[Pair]) -> tuple[Row, ...]:
    return tuple(Row(pair, _codec(pair)) for pair in pairs)


class Mapping:
    """What corresponds to what, for one CRM.

    Canonical fields include `status` (a Stage) beside the rows of the file.
    """

    def __init__(self, file: MappingFile) -> None:
        self.file = file
        self.version = file.version
        self.table = file.table
        self.columns = file.columns
        self.rows = {row.name: row for row in _rows(file.fields)}
        self.account = _rows(file.account.fields)
        self.contact = _rows(file.contact)
        self.owner = _rows(file.owner)
        self._settings = {row.field: row for row in file.fields}
        self.rules = tuple(self._rule(row) for row in self.rows.values())

    def _rule(self, row: Row) -> Rule:
        settings = self._settings[row.name]
        return Rule(
            row.name,
            to_crm="update" in settings.to_crm,
            to_partner_center="update" in settings.to_partner_center,
            conflict=settings.conflict,
            one_way=settings.one_way,
            keep=settings.keep,
            fit=row.codec.fit,
        )

    @property
    def field_names(self) -> frozenset[str]:
        """Every field that is kept in agreement, `status` included."""
        return frozenset(self.rows) | {STATUS}

    @cached_property
    def record_columns(self) -> tuple[str, ...]:
        """Every column of the record that is read."""
        own = self.columns
        mapped = [row.pair.column for row in self.rows.values()]
        state = sorted({column for _, entry in self.file.status.entries() for column in entry})
        return tuple(dict.fromkeys([*mapped, *state, own.sync, own.referral_identifier, own.referral_link, own.status]))

    # --- reading ---------------------------------------------------------------------------------------------------

    def read_referral(self, body: Document) -> dict[str, Value]:
        """Return the canonical fields of a referral's JSON. Raises DataError."""
        fields = {name: row.read_referral(body) for name, row in self.rows.items()}
        fields[STATUS] = stage_of(body)
        return fields

    def read_record(self, columns: Document) -> dict[str, Value]:
        """Return the canonical fields of a CRM row; `status` as the CRM sees it. Raises DataError."""
        fields = {name: row.read_record(columns) for name, row in self.rows.items()}
        fields[STATUS] = self.record_stage(columns)
        return fields

    def record_stage(self, columns: Document) -> Stage:
        """Return the stage whose entry matches the row in the most columns. Raises DataError when none does."""
        best: tuple[int, Stage] | None = None
        for stage, entry in self.file.status.entries():
            if all(columns.get(column) == value for column, value in entry.items()) and (
                best is None or len(entry) > best[0]
            ):
                best = (len(entry), stage)
        if best is None:
            state = {column: columns.get(column) for column in self.status_columns(Stage.ACTIVE)}
            raise DataError(Problem(STATUS, f"the mapping file knows no status {state}", "Add it to its status table."))
        return best[1]

    # --- writing ---------------------------------------------------------------------------------------------------

    def status_columns(self, stage: Stage) -> dict[str, Scalar]:
        """Return the columns that show a stage in the CRM."""
        wanted = crm_view(stage)
        return next(dict(entry) for each, entry in self.file.status.entries() if each is wanted)

    def record_values(self, fields: Fields) -> dict[str, object]:
        """Return the CRM columns for canonical fields, `status` left out: state changes are the adapter's business."""
        columns = {
            self.rows[name].pair.column: self.rows[name].codec.to_record(value)
            for name, value in fields.items()
            if name != STATUS
        }
        title = self.rows[NAME].pair.column
        if self.file.check_mark_in_name and title in columns:
            columns[title] = f"\u2714 {columns[title]}"[: self.rows[NAME].pair.limit]
        return columns

    def created_in_crm(self, fields: Fields) -> dict[str, Value]:
        """Return the fields that an inbound create writes, as the CRM can hold them."""
        return {name: self.rows[name].codec.fit(fields[name]) for name in self._travelling("to_crm")}

    def created_in_partner_center(self, fields: Fields) -> dict[str, Value]:
        """Return the fields that an outbound create sends, with the mapping's defaults for empty ones."""
        return {
            name: fields[name] if fields[name] is not None else self._settings[name].default
            for name in self._travelling("to_partner_center")
        }

    def _travelling(self, direction: str) -> list[str]:
        return [name for name, row in self._settings.items() if "create" in getattr(row, direction)]

    def operations(self, changes: Iterable[Change], body: Document | None) -> list[Operation]:
        """Return the JSON Patch for changes to a referral.

        `body` is what the referral holds now; it may be None unless `needs_source(changes)`.
        """
        patch: list[Operation] = []
        for change in changes:
            if change.name == STATUS:
                status, substatus = wire_status(Stage(str(change.new)))
                patch.append({"op": "replace", "path": "/status", "value": status})
                patch.append({"op": "replace", "path": "/substatus", "value": substatus})
                continue
            row = self.rows[change.name]
            value = row.codec.to_referral(change.new, get_path(body, row.path))
            patch.append({"op": "replace", "path": row.pointer, "value": value})
        return patch

    def needs_source(self, changes: Iterable[Change]) -> bool:
        """Whether writing these changes to the referral takes its present JSON."""
        return any(change.name in self.rows and self.rows[change.name].codec.needs_source for change in changes)

    def referral_values(self, rows: Iterable[Row], values: Fields) -> dict[str, object]:
        """Return referral JSON for canonical values of the given rows; the help code is left to the invitation."""
        body: dict[str, object] = {}
        for row in rows:
            if row.name in values and row.name != HELP:
                put_path(body, row.path, row.codec.to_referral(values[row.name], None))
        return body


def stage_of(body: Document) -> Stage:
    """Return the stage of a referral's JSON; an invitation is one that another organization sent us."""
    invited_by = get_path(body, ("inviteContext", "invitedBy", "organizationId"))
    invited = bool(invited_by) and invited_by != body.get("organizationId")
    return referral_stage(_text(body.get("status")), _text(body.get("substatus")), invited=invited)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


__all__ = ["Document", "FieldRow", "Mapping", "Operation", "Row", "get_path", "put_path", "stage_of"]
