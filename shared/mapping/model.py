"""The mapping file's model: what may stand in it, and the message when something else does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.deal import STANDARD_FIELDS, STATUS
from shared.lifecycle import Stage
from shared.merge import Policy

Moment = Literal["create", "update"]
CodecName = Literal["name", "text", "money", "currency", "date", "yes_no", "choice", "country", "solutions"]
Path = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*$")]
Scalar = str | int | bool


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pair(_Strict):
    """One place in Partner Center's JSON and one column of the CRM, spelled through a codec."""

    field: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    referral: Path
    fallback: Path | None = None
    column: str
    fallback_column: str | None = None
    codec: CodecName
    limit: int | None = Field(default=None, gt=0)
    digits: int = Field(default=2, ge=0, le=10)
    values: dict[Scalar, str] | None = None
    empty: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _choice_has_values(self) -> Pair:
        if (self.codec == "choice") != (self.values is not None):
            raise ValueError("`values` belongs to codec `choice`, and only to it")
        if self.values and len(set(self.values.values())) != len(self.values):
            raise ValueError("`values` is used in both directions, so no code may occur twice")
        return self


class FieldRow(Pair):
    """A pair that is kept in agreement: when it travels in either direction, and who wins a conflict."""

    to_crm: tuple[Moment, ...]
    to_partner_center: tuple[Moment, ...]
    conflict: Policy
    one_way: bool = False
    keep: bool = False
    default: str | None = None


class Columns(_Strict):
    """The columns that belong to this product (design: CRM columns)."""

    sync: str
    referral_identifier: str
    referral_link: str
    audit: str
    status: str


class StatusTable(_Strict):
    """Column values by stage; the first entry of a stage is written, every entry is understood."""

    on_hold: tuple[dict[str, Scalar], ...] = Field(min_length=1)
    active: tuple[dict[str, Scalar], ...] = Field(min_length=1)
    won: tuple[dict[str, Scalar], ...] = Field(min_length=1)
    lost: tuple[dict[str, Scalar], ...] = Field(min_length=1)

    def entries(self) -> list[tuple[Stage, dict[str, Scalar]]]:
        """Return every (stage, column values) entry, in file order."""
        stages = (Stage.ON_HOLD, Stage.ACTIVE, Stage.WON, Stage.LOST)
        tables = (self.on_hold, self.active, self.won, self.lost)
        return [(stage, entry) for stage, table in zip(stages, tables, strict=True) for entry in table]


class AccountRows(_Strict):
    """The customer's account: its fields and the ones that together identify it."""

    match: tuple[str, ...] = Field(min_length=1)
    fields: tuple[Pair, ...]

    @model_validator(mode="after")
    def _match_is_mapped(self) -> AccountRows:
        unknown = set(self.match) - {row.field for row in self.fields}
        if unknown:
            raise ValueError(f"`match` names {', '.join(sorted(unknown))}, which `fields` does not define")
        return self


class MappingFile(_Strict):
    """A whole mapping file, as written."""

    version: str
    table: str
    columns: Columns
    fields: tuple[FieldRow, ...]
    status: StatusTable
    account: AccountRows
    contact: tuple[Pair, ...]
    owner: tuple[Pair, ...]
    team_phone_default: str | None = None
    new_referral: dict[Path, object]
    partner_led_type: Literal["Independent", "Shared"] = "Independent"
    check_mark_in_name: bool = False

    @model_validator(mode="after")
    def _fields_are_complete_and_distinct(self) -> MappingFile:
        names = [row.field for row in self.fields]
        for title, values in (("field", names), ("column", [row.column for row in self.fields])):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ValueError(f"`fields` has more than one row for the {title} {', '.join(twice)}")
        missing = [name for name in STANDARD_FIELDS if name not in names]
        if missing:
            raise ValueError(f"`fields` lacks {', '.join(missing)}, which every new deal needs")
        if STATUS in names:
            raise ValueError("`status` is a table of its own, not a row of `fields`")
        return self
