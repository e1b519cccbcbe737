"""What is odd about an open deal and not wrong: it travels, and the record says what to check. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from pydantic import Field

from shared.deal import CLOSING_DATE, DEAL_VALUE, STATUS, Fields
from shared.lifecycle import Stage
from shared.mapping.strict import Strict


class Warnings(Strict):
    """From where on people are asked to check a field; null for never."""

    closing_date_past_days: int | None = Field(
        0,
        ge=0,
        description="More than so many days past, the closing date of an open deal is to be checked; null: never.",
    )
    deal_value_up_to: int | None = Field(
        0, ge=0, description="The value of an open deal is to be checked when it is no more than this; null: never."
    )

    win_within_hours: int | None = Field(
        72,
        ge=0,
        description="A win sooner than so many hours after the referral was created cannot be registered: it is warned "
        "of, and nobody is reminded to register it; null: never.",
    )
    win_below_usd: int | None = Field(
        25_000, ge=0, description="A win of fewer US dollars is warned of likewise; null: never."
    )

    def to_check(self, fields: Fields, today: date) -> tuple[str, ...]:
        """Return the names of an open deal's fields that are odd: both sides agree on `fields`, `today` is UTC's day.

        An invitation that nobody has decided, and a deal that has ended, have none; nor has a value that is empty.
        """
        if fields.get(STATUS) != Stage.ACTIVE:
            return ()
        closing, value, found = fields.get(CLOSING_DATE), fields.get(DEAL_VALUE), []
        days = self.closing_date_past_days
        if days is not None and isinstance(closing, date) and today - closing > timedelta(days=days):
            found.append(CLOSING_DATE)
        if self.deal_value_up_to is not None and isinstance(value, Decimal) and value <= self.deal_value_up_to:
            found.append(DEAL_VALUE)
        return tuple(found)


NONE = Warnings(closing_date_past_days=None, deal_value_up_to=None)
"""What a lead is warned of."""
