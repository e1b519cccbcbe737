"""What a link remembers of the fields in which its sides differ: both values, why, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shared.deal import Fields, Value, show
from shared.link import Apart, Link
from shared.merge import Plan, Stays
from shared.messages.reasons import Reason


def apart(plan: Plan, record: Fields, altered: Mapping[str, Value], before: Link, now: datetime) -> dict[str, Apart]:
    """Return the fields that differ after a plan was carried out; `altered` is what Partner Center answered with.

    A field that differed before for the same reason keeps its moment.
    """
    found = {
        each.name: Apart(show(each.referral), show(each.record), str(each.reason), str(each.stays), now)
        for each in plan.differences
    }
    for name, value in altered.items():
        ours = show(record.get(name))
        found[name] = Apart(show(value), ours, str(Reason.ANSWERED_OTHERWISE), str(Stays.ASKED), now)
    return {name: _since(each, before.apart.get(name)) for name, each in found.items()}


def _since(each: Apart, held: Apart | None) -> Apart:
    same = held is not None and held.reason == each.reason
    return Apart(each.referral, each.record, each.reason, each.stays, held.since if held and same else each.since)
