"""A mapping file made ready for use: every row becomes a pair of readers and writers."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from shared.deal import CURRENCY, DEAL_VALUE, HELP, STATUS, Fields, Value
from shared.errors import DataError
from shared.lifecycle import Stage, crm_view, wire_status
from shared.mapping.codecs import Json, as_is, rounded
from shared.mapping.columns import optional_of_record, read_of_record
from shared.mapping.conditions import Condition
from shared.mapping.model import MappingFile
from shared.mapping.registration_form import CompiledForm
from shared.mapping.rows import CompiledRow, Document, Read, body_writer, get_path, make_rows, one_by_one
from shared.mapping.sections import Scalar
from shared.mapping.stages import stage_of
from shared.mapping.unreadable import CRM, UnreadableValue
from shared.merge import Change, Rule
from shared.problems import Problem, problem

Operation = dict[str, object]
"""One JSON-Patch operation: op, path, value."""


class FieldMap:
    """What corresponds to what, for one table of a CRM.

    `lead` is the map of the CRM's leads, where the file has one. Canonical fields include `status` (a Stage) beside the
    rows of the file.
    """

    def __init__(self, file: MappingFile, catalogue: Mapping[str, str] | None = None, *, is_lead: bool = False) -> None:
        """Compile a file; `is_lead`: the one for leads. `catalogue`: names by id of what may be sold, or empty."""
        self.file = file
        self.catalogue = catalogue or {}
        self.is_lead = is_lead
        for_lead = file.for_lead()
        self.lead = FieldMap(for_lead, catalogue, is_lead=True) if for_lead else None
        self.table = file.table
        self.columns = file.columns
        ours = [row for row in file.fields if row.side == "ours"]
        rows = make_rows(ours, mark=file.check_mark_in_name, catalogue=self.catalogue)
        self.rows = {row.name: row for row in rows}
        self.microsoft = make_rows(row for row in file.fields if row.side == "microsoft")
        self.only_undecided = [row.field for row in ours if row.only_while == "undecided"]
        self.account = make_rows(file.account.fields)
        self.contact = make_rows(file.contact)
        self.owner = make_rows(file.owner)
        self.registration_form = CompiledForm(file.registration, self.catalogue) if file.registration else None
        self._settings = {row.field: row for row in ours}
        self.in_rows = next((self.rows[row.field] for row in ours if row.rows), None)
        self.in_rows_of = next((row.rows for row in ours if row.rows), None)
        self.rules = tuple(self._rule(row) for row in self.rows.values())
        self._defaults = {
            row.field: self.rows[row.field].from_default(row.default) for row in ours if row.default is not None
        }
        self._stages = sorted(
            ((stage, tuple(entry.items())) for stage, entry in file.status.entries()), key=lambda each: -len(each[1])
        )
        self._record_condition = Condition(file.sync_when.record) if file.sync_when.record else None
        self._referral_condition = Condition(file.sync_when.referral) if file.sync_when.referral else None

    def _rule(self, row: CompiledRow) -> Rule:
        settings = self._settings[row.name]
        return Rule(
            row.name,
            to_crm="update" in settings.to_crm,
            to_partner_center="update" in settings.to_partner_center,
            conflict=settings.conflict,
            never_unset=settings.never_unset,
            never_clear_crm=settings.never_clear_crm or row.pair.column in self.file.new_record,
            fit=row.codec.fit if settings.rows is None else as_is,
            crm_may_say_nothing=settings.rows is not None,
        )

    def rules_for(self, digits: Mapping[str, int], held: Fields) -> tuple[Rule, ...]:
        """Return the rules for a record that keeps so many digits of amounts, by column, and holds these values.

        What the CRM made of an amount by rounding counts as that amount.
        """
        return tuple(self._rounding(rule, digits, held) for rule in self.rules) if digits else self.rules

    def _rounding(self, rule: Rule, digits: Mapping[str, int], held: Fields) -> Rule:
        kept = digits.get(self.rows[rule.name].pair.column)
        if kept is None:
            return rule
        fit = rule.fit
        return replace(rule, fit=lambda value: rounded(fit(value), kept, held.get(rule.name)))

    @cached_property
    def version(self) -> str:
        """What is stamped on links and audit rows: the file's own version and a digest of what it says.

        So the stamp changes with every edit that means anything, also when somebody forgot to change the version.
        """
        said = self.file.said()
        # What is in the section is the leads' own business; that there is one decides what becomes of new referrals.
        said |= ({"lead": True} if self.lead else {}) | ({"catalogue": self.catalogue} if self.catalogue else {})
        return f"{self.file.version} ({_digest(said)})"

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """By field, a digest of what its value means on the two sides: paths, column and codec, or the status table.

        A base is only worth something while the row is the one it was agreed through.
        """
        rows = {name: row.meaning() for name, row in self._settings.items()}
        return {name: _digest(row) for name, row in {**rows, STATUS: self.file.status.model_dump(mode="json")}.items()}

    @property
    def field_names(self) -> frozenset[str]:
        """Every field that is kept in agreement, `status` included."""
        return frozenset(self.rows) | {STATUS}

    @cached_property
    def record_columns(self) -> tuple[str, ...]:
        """Every column of the record that is read."""
        return read_of_record(self.file)

    @cached_property
    def optional_columns(self) -> tuple[str, ...]:
        """Every column of the record that its table may lack; the app works without."""
        return optional_of_record(self.file)

    # --- which deals -----------------------------------------------------------------------------------------------

    def record_qualifies(self, columns: Document) -> bool:
        """Whether a record is to be in Partner Center: its Sync flag is on and the file's condition is met."""
        condition = self._record_condition
        return bool(columns.get(self.columns.sync)) and (condition is None or condition(columns))

    def referral_qualifies(self, body: Document) -> bool:
        """Whether a referral is to be in the CRM: the file's condition is met."""
        return self._referral_condition is None or self._referral_condition(body)

    # --- reading ---------------------------------------------------------------------------------------------------

    def read_referral(self, body: Document) -> tuple[dict[str, Value], dict[str, Problem]]:
        """Return the canonical fields of a referral's JSON, and by field why its value cannot be read."""
        unreadable: dict[str, Problem] = {}
        try:
            fields = {name: read(body) for name, read in self._from_referral}
        except (UnreadableValue, DataError):
            fields, unreadable = one_by_one(body, {name: row.read_referral for name, row in self.rows.items()})
        fields[STATUS] = stage_of(body)
        if fields[STATUS] is not Stage.ON_HOLD:
            fields |= dict.fromkeys(self.only_undecided)
        return fields, unreadable

    def read_record(self, columns: Document) -> tuple[dict[str, Value], dict[str, Problem]]:
        """Return the canonical fields of a CRM row, `status` as the CRM has it, and why others cannot be read.

        Raises DataError when the row's state is in no entry of the status table: then nothing can be said of the deal.
        """
        unreadable: dict[str, Problem] = {}
        try:
            fields = {name: read(columns) for name, read in self._from_record}
        except (UnreadableValue, DataError):
            fields, unreadable = one_by_one(columns, {name: row.read_record for name, row in self.rows.items()})
        fields[STATUS] = self.record_stage(columns)
        return fields, unreadable

    def read_microsoft(self, document: Document) -> dict[str, Value]:
        """Return what the record's columns show of Microsoft's row, as they can hold it, but what cannot be read.

        `document` is the row's JSON and `answer`: what its status, substatus and reason mean together.
        """
        shown: dict[str, Value] = {}
        for row in self.microsoft:
            with contextlib.suppress(UnreadableValue, DataError):
                shown[row.name] = row.codec.fit(row.from_referral(document))
        return shown

    def fields_of(self, problems: Iterable[Problem]) -> dict[str, Problem]:
        """Return the fields whose CRM columns the problems name; empty when one is about anything else.

        A value without its currency would be a false one, so the two stay behind together.
        """
        by_column = {row.pair.column: name for name, row in self.rows.items()}
        found = {by_column.get(each.field, ""): each for each in problems}
        if "" in found:
            return {}
        if CURRENCY in found and DEAL_VALUE in self.rows:
            found.setdefault(DEAL_VALUE, found[CURRENCY])
        return found

    @cached_property
    def _from_referral(self) -> tuple[tuple[str, Read], ...]:
        return tuple((name, row.from_referral) for name, row in self.rows.items())

    @cached_property
    def _from_record(self) -> tuple[tuple[str, Read], ...]:
        return tuple((name, row.from_record) for name, row in self.rows.items())

    def record_stage(self, columns: Document) -> Stage:
        """Return the stage whose entry matches the row in the most columns. Raises DataError when none does."""
        for stage, entry in self._stages:
            for column, value in entry:
                if columns.get(column) != value:
                    break
            else:
                return stage
        state = ", ".join(f"{each}={columns.get(each)}" for each in self.status_columns(Stage.ACTIVE))
        raise DataError(problem("deal.status_unknown", STATUS, state=state))

    # --- what a plan asks --------------------------------------------------------------------------------------------

    def refusal(self, name: str, new: Value, held: Value) -> Problem | None:
        """Return why Partner Center would refuse a new value in place of what it holds, where that is known."""
        wrong = self.rows[name].codec.refusal(new, held) if name in self.rows else None
        return wrong.problem(name, CRM) if wrong else None

    @property
    def edits_wait(self) -> bool:
        """Whether edits of an undecided invitation wait until it is accepted; a lead is worked on before that."""
        return self.file.edits_on_hold == "wait" and not self.is_lead

    @property
    def proposes_duplicates(self) -> bool:
        """Whether a referral that looks like an open deal of its customer waits for a person; a lead has no account."""
        return self.file.duplicates == "propose" and not self.is_lead

    @property
    def close_reason_required(self) -> bool:
        """Whether nothing is declined or lost without a reason."""
        return self.file.close_reason == "required"

    # --- writing ---------------------------------------------------------------------------------------------------

    def status_columns(self, stage: Stage) -> dict[str, Scalar]:
        """Return the columns that show a stage in the CRM."""
        wanted = crm_view(stage)
        return next(dict(entry) for each, entry in self.file.status.entries() if each is wanted)

    def record_values(self, fields: Fields) -> dict[str, object]:
        """Return the CRM columns for canonical fields, `status` left out: state changes are the adapter's business."""
        spell = self._to_record
        return {spell[name][0]: spell[name][1](value) for name, value in fields.items() if name != STATUS}

    @cached_property
    def _to_record(self) -> dict[str, tuple[str, Callable[[Value], object]]]:
        rows = (*self.rows.values(), *self.microsoft)
        return {row.name: (row.pair.column, row.codec.to_record) for row in rows}

    def created_in_crm(self, fields: Fields) -> dict[str, Value]:
        """Return the fields that an inbound create writes, as the CRM can hold them."""
        return {name: self.rows[name].codec.fit(fields[name]) for name in self._travelling("to_crm")}

    def created_in_partner_center(self, fields: Fields) -> dict[str, Value]:
        """Return the fields that an outbound create sends, with the mapping's defaults for empty ones."""
        return {
            name: self._defaults.get(name) if fields[name] is None else fields[name]
            for name in self._travelling("to_partner_center")
        }

    def _travelling(self, direction: str) -> list[str]:
        return [name for name, row in self._settings.items() if "create" in getattr(row, direction)]

    def operations(self, changes: Iterable[Change], body: Document | None) -> list[Operation]:
        """Return the JSON Patch for changes to a referral.

        `body` is what the referral holds now; it may be None unless `needs_source(changes)`.
        """
        patch: list[Operation] = []
        written: dict[str, Json] = {}
        for change in changes:
            if change.name == STATUS:
                status, substatus = wire_status(Stage(str(change.new)))
                patch.append({"op": "replace", "path": "/status", "value": status})
                patch.append({"op": "replace", "path": "/substatus", "value": substatus})
                continue
            row = self.rows[change.name]
            held = written.get(row.pointer, get_path(body, row.path))
            written[row.pointer] = row.codec.to_referral(change.new, held)
        return [*patch, *({"op": "replace", "path": path, "value": value} for path, value in written.items())]

    def needs_source(self, changes: Iterable[Change]) -> bool:
        """Whether writing these changes to the referral takes its present JSON."""
        return any(change.name in self.rows and self.rows[change.name].codec.needs_source for change in changes)

    def referral_values(self, rows: Iterable[CompiledRow], values: Fields) -> dict[str, object]:
        """Return referral JSON for canonical values of the given rows; the help code is left to the invitation."""
        return body_writer(row for row in rows if row.name != HELP)(values)

    @cached_property
    def referral_body(self) -> Callable[[Fields], dict[str, object]]:
        """Returns the JSON of a whole deal, as `referral_values` does for any rows; compiled once."""
        return body_writer(row for row in self.rows.values() if row.name != HELP)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
