"""The mapping file's model: what may stand in it, and the message when something else does.

The descriptions are what an editor shows beside the file: `mapping.schema.json` is generated from this model.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from shared.deal import CLOSE_REASON, STANDARD_FIELDS, STATUS
from shared.mapping.customers import Spelling
from shared.mapping.deal_registration import RegistrationSection
from shared.mapping.new_record import Given
from shared.mapping.oddities import NONE, Warnings
from shared.mapping.owners import OwnerRules
from shared.mapping.pair import OPTIONS, CodecName, Pair, Path
from shared.mapping.sections import Columns, LeadStatusTable, RowsOf, StatusTable, SyncWhen
from shared.mapping.strict import Strict
from shared.merge import Policy

__all__ = ["OPTIONS", "CodecName", "FieldRow", "MappingFile", "Pair", "Path"]

Moment = Literal["create", "update"]


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
    only_while: Literal["undecided"] | None = Field(
        None,
        description="Partner Center's value counts only while the invitation is undecided, and is empty afterwards.",
    )

    rows: RowsOf | None = Field(
        None,
        description="The CRM keeps the solutions in rows of a table of their own; then `column` is neither read nor "
        "written, and a record without rows says nothing of its solutions.",
    )

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
    def _rows_are_only_read(self) -> FieldRow:
        if self.rows and (self.codec != "solutions" or self.to_crm or self.side != "ours"):
            raise ValueError("`rows` belongs to a row of codec `solutions` whose `to_crm` is empty: it is only read")
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
    owner_rules: OwnerRules | None = Field(
        None, description="Who owns a new lead, where that is not as with opportunities."
    )

    @model_validator(mode="after")
    def _fields_are_distinct(self) -> LeadSection:
        _distinct(self.fields, "field", "lead.fields")
        _distinct(self.fields, "column", "lead.fields")
        if STATUS in [row.field for row in self.fields]:
            raise ValueError("`status` is a separate table, not a row of `fields`")
        if any(row.rows for row in self.fields):
            raise ValueError("`rows` is for opportunities: a lead has no table of solutions")
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
    our_team: Literal["owner", "sales_team"] = Field(
        "owner", description="Who is on our team of a new referral: the record's owner, or its sales team as well."
    )
    customer_team: Literal["contact", "all"] = Field(
        "contact",
        description="Whom of the customer's a new referral names: the record's contact, or everybody tied to it.",
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
    edits_on_hold: Literal["wait", "send"] = Field(
        "wait", description="Edits of an undecided invitation wait until it is accepted, or are sent at once."
    )
    close_reason: Literal["optional", "required"] = Field(
        "optional", description="Whether a deal may be declined or lost without a close reason."
    )
    duplicates: Literal["propose", "create"] = Field(
        "propose",
        description="A referral that looks like an open deal of the same customer waits for a person, or becomes "
        "a record of its own.",
    )
    warnings: Warnings = Field(Warnings(), description="What people are asked to check of an open deal.")
    check_mark_in_name: bool = Field(default=False, description="Put a check mark in front of the record's name.")
    sync_when: SyncWhen = SyncWhen()
    leads: bool = Field(default=True, description="Whether leads of Partner Center become leads in the CRM.")
    lead: LeadSection | None = Field(None, description="The table of leads. Without it there are none in the CRM.")
    registration: RegistrationSection | None = Field(
        None, description="Which wins are registered with Microsoft, and the form for it. Without it none is."
    )

    def said(self) -> dict[str, object]:
        """Return what the file says but for its version and its leads; what came later only where it is given."""
        absent = {"version", "overlay", "lead", *(() if self.registration else ("registration",))}
        said = self.model_dump(mode="json", exclude=absent)
        said["fields"] = [{key: each for key, each in row.items() if key != "rows" or each} for row in said["fields"]]
        return said

    def for_lead(self) -> MappingFile | None:
        """Return the file as it holds for leads, with their section in place of the opportunity's parts."""
        if not self.leads or self.lead is None:
            return None
        section = self.lead
        own: dict[str, object] = {"table": section.table, "columns": section.columns, "fields": section.fields}
        own |= {"status": section.as_status, "sync_when": section.sync_when, "lead": None, "contact": ()}
        own |= {"new_record": section.new_record, "warnings": NONE, "registration": None}
        own["owner_rules"] = section.owner_rules or self.owner_rules
        if CLOSE_REASON not in [row.field for row in section.fields]:
            own["close_reason"] = "optional"  # Nobody could give one.
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
        if self.close_reason == "required" and CLOSE_REASON not in names:
            raise ValueError(f"`close_reason: required` needs the row {CLOSE_REASON} in `fields`")
        return self
