"""The mapping file's model: what may stand in it, and the message when something else does.

The descriptions are what an editor shows beside the file: `mapping.schema.json` is generated from this model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from shared.deal import STANDARD_FIELDS, STATUS
from shared.mapping import codecs
from shared.mapping.customers import Spelling
from shared.mapping.new_record import Given
from shared.mapping.owners import OwnerRules
from shared.mapping.people import people
from shared.mapping.sections import Columns, LeadStatusTable, Scalar, StatusTable, SyncWhen
from shared.mapping.strict import Strict
from shared.merge import Policy

Moment = Literal["create", "update"]
CodecName = Literal[
    "name", "text", "link", "money", "currency", "date", "yes_no", "choice", "country", "solutions", "ids", "people"
]
Path = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.([A-Za-z][A-Za-z0-9]*|[0-9]))*$")]

OPTIONS: dict[str, frozenset[str]] = {
    "name": frozenset({"limit"}),
    "text": frozenset({"limit", "too_long", "escaped"}),
    "link": frozenset({"limit"}),
    "money": frozenset({"digits"}),
    "choice": frozenset({"values", "empty", "written", "unknown", "other"}),
    "country": frozenset({"as"}),
    "solutions": frozenset({"limit", "separator"}),
    "ids": frozenset({"limit", "separator"}),
    "people": frozenset({"limit"}),
    "yes_no": frozenset({"never_unset"}),
}
"""The options that mean something to each codec; codecs that are not here have none."""

_OPTIONS = frozenset().union(*OPTIONS.values())


class Pair(Strict):
    """One place in Partner Center's JSON and one column of the CRM, spelled through a codec."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="The row's name, by which everything refers to it.")
    referral: Path = Field(description="Path to the value in the referral's JSON, for example details.dealValue.")
    fallback: Path | None = Field(None, description="Path that is read when the first one is empty.")
    column: str = Field(min_length=1, description="Logical name of the CRM's column.")
    fallback_column: str | None = Field(None, description="Column that is read when the first one is empty.")
    codec: CodecName = Field(description="How the value is spelled on the two sides.")
    limit: int | None = Field(default=None, gt=0, description="Characters that the CRM's column holds.")
    too_long: Literal["cut", "refuse"] = Field(
        "cut", description="Text over the limit is cut, or refused: then the deal waits until a person shortens it."
    )
    escaped: bool = Field(
        default=False, description="Partner Center puts HTML entities into this field, such as &amp; for &."
    )
    digits: int = Field(default=2, ge=0, le=10, description="Decimal places that the CRM's column keeps.")
    values: dict[Scalar, str] | None = Field(
        None, description="The CRM's option: Partner Center's code. One table for both directions."
    )
    written: dict[str, Scalar] = Field(
        default={}, description="By code, the option that is written where several options have that code."
    )
    empty: tuple[str, ...] = Field((), description="Codes with which Partner Center says that nothing is chosen.")
    unknown: Literal["refuse", "ignore"] = Field(
        "refuse", description="A code that `values` lacks holds the field for a person, or counts as nothing chosen."
    )
    other: Scalar | None = Field(
        None, description="The option that the CRM shows for texts that `values` lacks; Partner Center keeps its text."
    )
    entry: str | None = Field(
        None, min_length=1, description="Type of the one entry of a list of {type, id} objects that the row is about."
    )
    separator: str = Field(", ", pattern=r"\S", description="What stands between the ids in the CRM's text.")
    country_as: Literal["name", "alpha2"] = Field(
        "alpha2", alias="as", description="Write a country to the CRM as its English name or its two-letter code."
    )

    @model_validator(mode="after")
    def _options_belong_to_the_codec(self) -> Pair:
        if (self.codec == "choice") != (self.values is not None):
            raise ValueError("`values` belongs to codec `choice`, and only to it")
        self._check_vocabulary()
        given = {"as" if name == "country_as" else name for name in self.model_fields_set}
        useless = sorted(given & _OPTIONS - OPTIONS.get(self.codec, frozenset()))
        if useless:
            raise ValueError(f"`{'`, `'.join(useless)}` means nothing to codec `{self.codec}`")
        return self

    def _check_vocabulary(self) -> None:
        """Raise ValueError unless one option stands for each code in the CRM."""
        values = self.values or {}
        codes = list(values.values())
        open_codes = sorted({code for code in codes if codes.count(code) > 1} - set(self.written))
        if open_codes:
            raise ValueError(
                f"`values` has several options for {', '.join(open_codes)}: say under `written` which one is written"
            )
        for code, option in self.written.items():
            if values.get(option) != code:
                raise ValueError(f"`written` says {option} for {code}, which `values` does not")
        if self.other is not None and self.other not in values:
            raise ValueError(f"`other` is {self.other}, which is no option of `values`")

    def make_codec(self, *, mark: bool = False) -> codecs.Codec:
        """Return the row's codec; `mark` puts a check mark in front of a name that is written to the CRM."""
        codec = self.plain_codec(mark=mark)
        return (
            codec if self.entry is None else codecs.entry(self.entry, codecs.ENTRIES.get(self.referral, "type"), codec)
        )

    def plain_codec(self, *, mark: bool = False) -> codecs.Codec:
        """Return the codec of the value itself, wherever in a list it stands."""
        return _CODECS[self.codec](self, mark)

    def meaning(self) -> dict[str, object]:
        """Return what decides what a value means on the two sides; later keys only where they are given."""
        added = {name for name in _ADDED if getattr(self, name) == Pair.model_fields[name].get_default()}
        return self.model_dump(mode="json", include=set(Pair.model_fields) - {"field"} - added)


_ADDED = ("written", "unknown", "other", "entry")
"""Keys that came after the first links were stored: a default must not make a row another one than it was."""


_CODECS: dict[str, Callable[[Pair, bool], codecs.Codec]] = {
    "name": lambda row, mark: codecs.text(row.limit, escaped=True, strip_mark=True, mark=mark),
    "text": lambda row, _mark: codecs.text(row.limit, escaped=row.escaped, refuse=row.too_long == "refuse"),
    "link": lambda row, _mark: codecs.link(row.limit),
    "money": lambda row, _mark: codecs.money(row.digits),
    "currency": lambda _row, _mark: codecs.currency(),
    "date": lambda _row, _mark: codecs.day(),
    "yes_no": lambda _row, _mark: codecs.yes_no(),
    "choice": lambda row, _mark: codecs.choice(
        row.values or {}, row.empty, written=row.written, ignore_unknown=row.unknown == "ignore", other=row.other
    ),
    "country": lambda row, _mark: codecs.country(as_name=row.country_as == "name"),
    "solutions": lambda row, _mark: codecs.solutions(row.limit, row.separator),
    "ids": lambda row, _mark: codecs.ids(row.limit, row.separator),
    "people": lambda row, _mark: people(row.limit),
}


class FieldRow(Pair):
    """A pair that is kept in agreement: when it travels in either direction, and who wins a conflict."""

    side: Literal["ours", "microsoft"] = Field(
        "ours",
        description="Whose row of the engagement is read: our referral, or Microsoft's half, which is shown one way. "
        "A column of Microsoft's half that the CRM's table lacks is left out.",
    )
    to_crm: tuple[Moment, ...] = Field(description="When Partner Center's value is written to the CRM.")
    to_partner_center: tuple[Moment, ...] = Field(description="When the CRM's value is written to Partner Center.")
    conflict: Policy = Field(description="Who wins when both sides changed the field: a side, or hold for a person.")
    never_unset: bool = Field(default=False, description="A yes that never returns to no.")
    never_clear_crm: bool = Field(default=False, description="An empty value in Partner Center never clears the CRM.")
    default: str | None = Field(None, description="What a new referral gets when the CRM's column is empty.")

    @property
    def optional(self) -> bool:
        """Whether the table may lack the column: what only Microsoft tells is no part of the agreement."""
        return self.side == "microsoft"

    @model_validator(mode="after")
    def _microsoft_is_only_shown(self) -> FieldRow:
        if self.side == "microsoft" and (self.to_partner_center or set(self.to_crm) != {"create", "update"}):
            raise ValueError(
                "Microsoft's half is shown one way: `to_crm` is [create, update], and `to_partner_center` is empty"
            )
        return self

    @model_validator(mode="after")
    def _default_can_be_written(self) -> FieldRow:
        if self.default is None:
            return self
        try:
            self.plain_codec().from_referral(self.default)
        except ValueError as error:
            raise ValueError(f"`default` is no value for codec `{self.codec}`: {error}") from error
        return self


def _distinct(rows: tuple[Pair, ...], what: Literal["field", "column"], of: str) -> None:
    values = [str(getattr(row, what)) for row in rows]
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"`{of}` has more than one row for the {what} {', '.join(twice)}")


def _distinct_fields(rows: tuple[Pair, ...], of: str) -> tuple[Pair, ...]:
    _distinct(rows, "field", of)
    return rows


class AccountRows(Spelling):
    """The customer's account: its fields and the ones that together identify it."""

    match: tuple[str, ...] = Field(min_length=1, description="Fields that must all be equal for an account to be used.")
    fields: Annotated[tuple[Pair, ...], AfterValidator(partial(_distinct_fields, of="account.fields"))] = Field(
        description="What is known of the customer."
    )

    @model_validator(mode="after")
    def _match_is_mapped(self) -> AccountRows:
        unknown = set(self.match) - {row.field for row in self.fields}
        if unknown:
            raise ValueError(f"`match` names {', '.join(sorted(unknown))}, which `fields` does not define")
        return self


class LeadSection(Strict):
    """How a lead in Partner Center and a lead in the CRM correspond, until a person qualifies it."""

    table: str = Field(description="Logical name of the CRM's table of leads.")
    columns: Columns
    fields: tuple[FieldRow, ...] = Field(description="What is kept in agreement, field by field.")
    status: LeadStatusTable
    new_record: dict[str, Given] = Field({}, description="What a new lead gets besides the referral's values.")
    sync_when: SyncWhen = Field(SyncWhen(), description="Conditions for leads alone; those of the file do not apply.")

    @model_validator(mode="after")
    def _fields_are_distinct(self) -> LeadSection:
        _distinct(self.fields, "field", "lead.fields")
        _distinct(self.fields, "column", "lead.fields")
        if STATUS in [row.field for row in self.fields]:
            raise ValueError("`status` is a separate table, not a row of `fields`")
        return self

    @property
    def as_status(self) -> StatusTable:
        """The status table in the stages of a deal: an undecided lead is open, and so is an accepted one."""
        status = self.status
        return StatusTable(on_hold=status.open, active=status.open, won=status.qualified, lost=status.disqualified)


class MappingFile(Strict):
    """How a Partner Center referral and a CRM record correspond."""

    overlay: bool = Field(default=False, description="This file names only what differs from the built-in one.")
    version: str = Field(
        min_length=1,
        coerce_numbers_to_str=True,
        description="Stamped on every link and audit row; change it with every edit.",
    )
    table: str = Field(description="Logical name of the CRM's table.")
    columns: Columns
    fields: tuple[FieldRow, ...] = Field(description="What is kept in agreement, field by field.")
    status: StatusTable
    account: AccountRows
    contact: Annotated[tuple[Pair, ...], AfterValidator(partial(_distinct_fields, of="contact"))] = Field(
        description="The customer's contact on a new referral."
    )
    owner: Annotated[tuple[Pair, ...], AfterValidator(partial(_distinct_fields, of="owner"))] = Field(
        description="The record's owner, who becomes our side of the team on a new referral."
    )
    owner_rules: OwnerRules = Field(OwnerRules(), description="Who owns the record of an inbound deal.")
    team_follows_owner: bool = Field(
        default=True, description="A record's new owner becomes our member of the referral's team."
    )
    contact_in_crm: bool = Field(
        default=True, description="An inbound deal's record gets the customer's contact, a new one where there is none."
    )
    contact_travels: Literal["with_help", "always"] = Field(
        "with_help", description="The customer's contact goes to Partner Center only when Microsoft is asked for help."
    )
    notes_in_invitation: bool = Field(
        default=False, description="The deal's notes are repeated in the invitation to Microsoft."
    )
    team_phone_default: str | None = Field(None, description="Phone number for owners who have none.")
    new_referral: dict[Path, object] = Field(description="Constants of a new referral, by path in its JSON.")
    new_record: dict[str, Given] = Field(
        default={}, description="Columns of a new record that the CRM requires: constants and rules, by column."
    )
    partner_led_type: Literal["Independent", "Shared"] = Field(
        "Independent", description="Type of a deal that Microsoft's sellers see but are not asked to help with."
    )
    check_mark_in_name: bool = Field(default=False, description="Put a check mark in front of the record's name.")
    sync_when: SyncWhen = SyncWhen()
    leads: bool = Field(default=True, description="Whether leads of Partner Center become leads in the CRM.")
    lead: LeadSection | None = Field(None, description="The table of leads. Without it there are none in the CRM.")

    def for_lead(self) -> MappingFile | None:
        """Return the file as it holds for leads, with their section in place of the opportunity's parts."""
        if not self.leads or self.lead is None:
            return None
        section = self.lead
        own: dict[str, object] = {"table": section.table, "columns": section.columns, "fields": section.fields}
        own |= {"status": section.as_status, "sync_when": section.sync_when, "lead": None, "contact": ()}
        own["new_record"] = section.new_record
        return self.model_copy(update=own)

    @model_validator(mode="after")
    def _fields_are_complete_and_distinct(self) -> MappingFile:
        _distinct(self.fields, "field", "fields")
        _distinct(self.fields, "column", "fields")
        names = [row.field for row in self.fields]
        missing = [name for name in STANDARD_FIELDS if name not in names]
        if missing:
            raise ValueError(f"`fields` lacks {', '.join(missing)}, which every new deal needs")
        if STATUS in names:
            raise ValueError("`status` is a separate table, not a row of `fields`")
        return self
