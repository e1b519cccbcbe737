"""The sections of a mapping file that hold no rows: our own columns, the states of a record, and conditions.

Part of the model (shared.mapping.model); the descriptions are what an editor shows beside the file.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from shared.lifecycle import Stage
from shared.mapping.conditions import Condition
from shared.mapping.strict import Strict

Scalar = str | int | bool

_COLUMN_OR_BEHIND = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$"


def _condition(text: str) -> str:
    Condition(text)
    return text


Expression = Annotated[str, AfterValidator(_condition)]


class Columns(Strict):
    """The columns that belong to this product, by their logical names."""

    sync: str = Field(description="Yes/No: whether the record is synchronized.")
    referral_identifier: str = Field(description="Text, unique: the referral's id.")
    referral_link: str = Field(description="Text: where the referral is in Partner Center.")
    audit: str = Field(description="Multiline text: what was changed, when and why.")
    status: str = Field(description="Text: whether the record is synchronized, and what to do if it is not.")
    notes_for_microsoft: str | None = Field(
        None,
        min_length=1,
        description="Multiline text: what Microsoft is told with the invitation. The table may lack the column.",
    )


class StatusTable(Strict):
    """Column values by stage; the first entry of a stage is written, every entry is understood."""

    on_hold: tuple[dict[str, Scalar], ...] = Field(min_length=1, description="An invitation nobody has decided.")
    active: tuple[dict[str, Scalar], ...] = Field(min_length=1, description="A deal that is being worked on.")
    won: tuple[dict[str, Scalar], ...] = Field(min_length=1, description="A deal that was won.")
    lost: tuple[dict[str, Scalar], ...] = Field(min_length=1, description="A deal that ended in any other way.")

    def entries(self) -> list[tuple[Stage, dict[str, Scalar]]]:
        """Return every (stage, column values) entry, in file order."""
        stages = (Stage.ON_HOLD, Stage.ACTIVE, Stage.WON, Stage.LOST)
        tables = (self.on_hold, self.active, self.won, self.lost)
        return [(stage, entry) for stage, table in zip(stages, tables, strict=True) for entry in table]


class LeadStatusTable(Strict):
    """Column values by what became of a lead; the first entry of each is written, every entry is understood."""

    open: tuple[dict[str, Scalar], ...] = Field(min_length=1, description="A lead that is being worked on.")
    qualified: tuple[dict[str, Scalar], ...] = Field(
        min_length=1, description="A lead that became an opportunity; a person does that, so it is never written."
    )
    disqualified: tuple[dict[str, Scalar], ...] = Field(min_length=1, description="A lead that came to nothing.")


class SyncWhen(Strict):
    """Conditions (JMESPath) for a deal to be linked; a deal that is linked already is not affected."""

    record: Expression | None = Field(
        None, description="On the record's columns: which records with Sync = Yes are shared in Partner Center."
    )
    referral: Expression | None = Field(
        None, description="On the referral's JSON: which referrals become records in the CRM."
    )


class RowsOf(Strict):
    """A table of the CRM whose rows belong to the record, one solution each. The app only reads it."""

    table: str = Field(min_length=1, description="Logical name of the table.")
    record: str = Field(min_length=1, description="The table's look-up column to the record.")
    id: str = Field(
        min_length=1,
        pattern=_COLUMN_OR_BEHIND,
        description="The column with the solution's id; or that of a row which the table looks up: "
        "look-up.column, the look-up as the CRM's API names it.",
    )
    name: str | None = Field(
        None, pattern=_COLUMN_OR_BEHIND, description="Likewise the column with the solution's name, for the audit."
    )


LEAD_STAGES = {"on_hold": "open", "active": "open", "won": "qualified", "lost": "disqualified"}
"""What the stages of a deal are called in the status table of leads."""
