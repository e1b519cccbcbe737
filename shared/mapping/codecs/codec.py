"""What a codec is: four functions, and what the CRM's column can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.deal import Value
from shared.mapping.unreadable import UnreadableValue

Json = object
"""A decoded JSON value as a vendor sends it."""


def as_is(value: Value) -> Value:
    """Return the value as it came."""
    return value


def none_refused(_new: Value, _held: Value) -> UnreadableValue | None:
    """Return None: nothing is known to be refused."""
    return None


@dataclass(frozen=True)
class Codec:
    """The two spellings of one field. `needs_source`: the referral's current value is needed to write it."""

    from_referral: Callable[[Json], Value]
    to_referral: Callable[[Value, Json], Json]
    from_record: Callable[[Json], Value]
    to_record: Callable[[Value], Json]
    fit: Callable[[Value], Value] = as_is
    needs_source: bool = False
    refusal: Callable[[Value, Value], UnreadableValue | None] = none_refused
    """Says why Partner Center would refuse a new value in place of the one that it holds, where that is known."""


def as_is_to_referral(value: Value, _source: Json) -> Json:
    """Return the value as it is: what the referral holds now does not matter."""
    return value
