"""What a new record gets besides the referral's values: columns that the CRM requires, and stand-ins for empty ones.

A stand-in is nobody's edit: it belongs into the base, so that it is not sent back, and never cleared by a referral that
still says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.deal import Fields, Value

if TYPE_CHECKING:
    from shared.mapping.field_map import FieldMap

BIND = "@odata.bind"
"""How a look-up of Dynamics 365 is written: `pricelevelid@odata.bind: /pricelevels(GUID)`."""


class DaysFromToday(BaseModel):
    """A day, counted from the day on which the record is made (UTC)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days_from_today: int = Field(ge=0, le=3650, description="How many days after today.")


def _known(entry: object) -> object:
    if isinstance(entry, (str, bool, int, float, DaysFromToday)):
        return entry
    if isinstance(entry, dict) and set(entry) == {"days_from_today"} and type(entry["days_from_today"]) is int:
        return DaysFromToday(**entry)
    raise ValueError("must be text, a number, true or false, or a rule: {days_from_today: 90}")


Given = Annotated[str | bool | int | float | DaysFromToday, BeforeValidator(_known)]
"""What a column of a new record gets: a constant, or a rule."""


def column_value(given: Given, today: date) -> object:
    """Return the CRM's spelling of what a column gets."""
    if isinstance(given, DaysFromToday):
        return (today + timedelta(days=given.days_from_today)).isoformat()
    return given


def stand_ins(field_map: FieldMap, referral: Fields, behind: Mapping[str, object], today: date) -> dict[str, Value]:
    """Return canonical values for mapped fields that a new record would lack: empty ones, and those left `behind`."""
    given = field_map.file.new_record
    return {
        name: row.codec.from_record(column_value(given[row.pair.column], today))
        for name, row in field_map.rows.items()
        if row.pair.column in given and (name in behind or referral[name] in (None, ()))
    }


def constants(field_map: FieldMap, today: date) -> dict[str, object]:
    """Return the columns that no row of the mapping fills."""
    mapped = {row.pair.column for row in field_map.rows.values()}
    given = field_map.file.new_record
    return {column: column_value(each, today) for column, each in given.items() if column not in mapped}


def logical_name(column: str) -> str:
    """Return a column's name in the CRM's metadata: a look-up is written through its navigation property."""
    return column.removesuffix(BIND).lower() if column.endswith(BIND) else column
