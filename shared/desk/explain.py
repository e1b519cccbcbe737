"""One deal, explained: every field with its values and why they are so, what waits, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from shared.deal import STATUS, Fields, show
from shared.decide.deal import Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import agreement
from shared.desk.checks import Data
from shared.desk.desk import Desk
from shared.desk.find import Found
from shared.desk.next_step import next_step
from shared.desk.overview import problem_data
from shared.errors import FatalError
from shared.ledger.survey import standing_of
from shared.link import Apart, Link
from shared.mapping.field_map import FieldMap
from shared.merge import Stays
from shared.messages import Messages
from shared.sync.observe import Observer
from shared.sync.perform.apart import apart
from shared.sync.perform.odd import sentence
from shared.sync.perform.registered import said
from shared.sync.task import Task

AUDIT = 50
"""How many entries of a deal's audit are shown."""

_STATES = {Stays.KEPT: "one_way", Stays.HELD: "held", Stays.DECIDE: "held"}
"""What a field that stays different is called; `differs` for what travels later, or was asked for."""


@dataclass(frozen=True)
class Seen:
    """The two sides as they are at this moment, and the plan that the worker would carry out."""

    referral: Mapping[str, str]
    record: Mapping[str, str]
    apart: Mapping[str, Apart]


def explain(desk: Desk, found: Found, *, look: bool = False) -> Data:
    """Return what is known of a deal; with `look` both sides are read first, and nothing is written.

    Raises the families.
    """
    link, task = found.link, _task(desk, found)
    seen = _look(task, link) if look and task and link else None
    problems = found.parked.problems if found.parked else ()
    return {
        "link": _link(found),
        "status": {"kind": str(link.status.kind), "text": link.status.text} if link and link.status else None,
        "fields": list(_fields(desk.messages, link, task.field_map if task else None, seen)) if link else [],
        "microsoft": _microsoft(link),
        "registration": _registration(desk, link),
        "audit": _audit(desk, found),
        "problems": [problem_data(desk.messages, each) for each in problems],
        "next": next_step(desk, found, task),
        "notes": _notes(desk, link, task) if link and task else [],
    }


def _notes(desk: Desk, link: Link, task: Task) -> list[str]:
    """Return what is odd about the deal and not wrong, as it was last agreed."""
    odd = task.field_map.file.warnings.to_check(link.base, task.clock.now().date())
    return [sentence(desk.messages, name) for name in odd]


def _task(desk: Desk, found: Found) -> Task | None:
    """Return the task of the deal's table; None while its mapping cannot be used, or has no such table."""
    try:
        return desk.tasks.of(found.crm).at(found.record.table if found.record else None)
    except FatalError:
        return None


def _link(found: Found) -> Data:
    link, record = found.link, found.record
    return {
        "crm": found.crm,
        "referral_id": link.referral_id if link else None if record else found.key,
        "record_id": record.id if record else None,
        "table": record.table if record else None,
        "state": str(link.state) if link else "parked",
        "standing": str(standing_of(link)) if link else "parked",
        "customer": link.customer or None if link else None,
        "engagement_id": link.engagement_id or None if link else None,
        "attempts": found.parked.attempts if found.parked else 0,
        "due": found.parked.at.isoformat() if found.parked else None,
    }


def _microsoft(link: Link | None) -> Data | None:
    if link is None or link.microsoft is None:
        return None
    half = link.microsoft
    return {"referral_id": half.referral_id, "status": half.status, **half.facts()}


def _registration(desk: Desk, link: Link | None) -> Data | None:
    if link is None or link.registration is None:
        return None
    found = link.registration
    return {"status": found.status, "reason": found.reason, "said": said(desk.messages, found)}


def _audit(desk: Desk, found: Found) -> list[Data]:
    part = desk.of(found.crm).audit
    keys = [found.key] + ([found.record.deal] if found.record and found.record.deal != found.key else [])
    entries = sorted((each for key in keys for each in part.of(key, AUDIT)), key=lambda each: each.at, reverse=True)
    return [
        {
            "at": each.at.isoformat(),
            "direction": each.direction,
            "text": each.text,
            "changes": [{"field": name, "old": old, "new": new} for name, old, new in each.changes],
            "mapping_version": each.mapping_version or None,
        }
        for each in entries[:AUDIT]
    ]


# --- fields ----------------------------------------------------------------------------------------------------------


def _fields(messages: Messages, link: Link, field_map: FieldMap | None, seen: Seen | None) -> Iterator[Data]:
    rules = {rule.name: rule for rule in field_map.rules} if field_map else {}
    differing = seen.apart if seen else link.apart
    mapped = {*rules, STATUS} if rules else set(link.base)
    for name in sorted({*link.base, *differing, *mapped}):
        base = link.base.get(name)
        agreed = show(base) if name in link.base else None
        known: Data = {"name": name, "referral": agreed, "record": agreed, "base": agreed}
        if each := differing.get(name):
            state = _STATES.get(Stays(each.stays), "differs")
            known |= {"referral": each.referral, "record": each.record, "state": state}
            yield known | {"reason": _reason(messages, each), "since": each.since.isoformat()}
            continue
        if agreed is not None and name in rules:
            known["record"] = show(rules[name].fit(base))
        if seen:
            known |= {"referral": seen.referral.get(name), "record": seen.record.get(name)}
        state = "equal" if name in mapped else "unmapped"
        yield known | {"state": state, "reason": messages.text(f"field.{state}"), "since": None}


def _reason(messages: Messages, each: Apart) -> str:
    return messages.reason(each.reason, referral=each.referral, record=each.record, stage=each.record)


# --- looking ---------------------------------------------------------------------------------------------------------


def _look(task: Task, link: Link) -> Seen:
    """Read both sides, and decide as the worker would, from what they hold and nothing remembered."""
    observer = Observer(task, trusting=False)
    deal = Deal(task.clock.now(), "record", link, referral=observer.read_referral(link.referral_id))
    if link.record:
        deal = replace(deal, record=observer.read_record(link.record.id))
    deal, decision = observer.decide(deal)
    record = deal.record.fields if isinstance(deal.record, RecordSeen) else {}
    referral = deal.referral.fields if isinstance(deal.referral, ReferralSeen) else {}
    agree = agreement(decision)
    plan = agree.plan if agree else None
    differing = apart(plan, record, {}, link, task.clock.now()) if plan else {}
    for each in (*plan.to_crm, *plan.to_partner_center) if plan else ():
        now, why = task.clock.now(), str(each.reason)
        values = (show(referral.get(each.name)), show(record.get(each.name)))
        differing[each.name] = Apart(*values, why, str(Stays.WAITING), now)
    return Seen(_shown(referral), _shown(record), differing)


def _shown(fields: Fields) -> dict[str, str]:
    return {name: show(value) for name, value in fields.items()}
