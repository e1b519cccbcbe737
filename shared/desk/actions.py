"""What a person may do: each action is noted with who ordered it, and handed to the worker as one message.

Nothing here writes to a deal. What can be refused from what the ledger knows is refused at once; the rest is decided by
the worker, as everything is.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from shared.deal import STATUS, RecordKey
from shared.decide.unlinked import LOOKS_ALIKE, is_guid, ties
from shared.desk.answers import Answer, refused, unknown
from shared.desk.desk import Desk
from shared.desk.find import Found, find, tables
from shared.desk.overview import held_id
from shared.ledger import audit
from shared.ledger.audit import Stamp
from shared.ledger.model import DueKind
from shared.lifecycle import TERMINAL
from shared.link import LinkState
from shared.orders import Order
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync import mass_change
from shared.sync.begin import ASKED
from shared.sync.mass_change import MASS_CHANGE, Kind

RETRY, RELEASE = "retry", "release"
ACTIONS = (RETRY, RELEASE, *map(str, Order))
LONGEST = 200

ORDERED = "ordered"
"""The reason of a message that carries an order."""


@dataclass(frozen=True)
class Asked:
    """What a person asks for: the action, its deal or held work, and by whom."""

    action: str
    deal: str = ""
    held: str = ""
    crm: str = ""
    record: str = ""
    table: str = ""
    drop: bool = False
    by: str = ""


def read(content: Mapping[str, object], by: str) -> Asked | Answer:
    """Return what is asked for, or 400 with every problem."""
    given = {name: content.get(name, "") for name in ("action", "deal", "held", "crm", "record", "table")}
    texts = {name: value.strip() for name, value in given.items() if isinstance(value, str) and len(value) <= LONGEST}
    wrong = [f"{name}: must be a text of at most {LONGEST} characters." for name in given if name not in texts]
    action = texts.get("action", "")
    if action not in ACTIONS:
        wrong.append(f"action: must be one of {', '.join(ACTIONS)}.")
    needed = ["held"] if action == RELEASE else ["deal", "record"] if action == Order.LINK else ["deal"]
    wrong += [f"{name}: is missing." for name in needed if name in texts and not texts[name]]
    if wrong:
        return refused(400, "invalid_request", *wrong)
    return Asked(**texts, drop=content.get("drop") in (True, "true"), by=by)


def act(desk: Desk, asked: Asked) -> Answer:
    """Do what is asked for: 202 with what will happen, 404, or 409. Raises the families."""
    if asked.crm not in ("", *desk.crms):
        return refused(400, "invalid_request", f"crm: must be one of {', '.join(desk.crms)}.")
    if asked.action == RELEASE:
        return _release(desk, asked)
    if asked.action == Order.LINK:
        return _link(desk, asked)
    found = find(desk, asked.deal, asked.crm)
    if found is None:
        return unknown(asked.deal)
    if asked.action == RETRY:
        return _send(desk, asked, found.crm, found.key, _again(found))
    order = Order(asked.action)
    if refusal := _CHECKS[order](desk, found):
        return refused(409, "conflict", desk.messages.text(refusal))
    return _send(desk, asked, found.crm, found.key, _ordering(found, order))


def allowed(desk: Desk, found: Found) -> list[str]:
    """Return the actions that a deal allows now, by what the ledger knows; linking needs a second side to be named."""
    orders = [str(order) for order, check in _CHECKS.items() if check(desk, found) is None]
    resting = found.link is not None and found.link.state in (LinkState.STOPPED, LinkState.UNLINKED)
    return orders if resting else [RETRY, *orders]


def _send(desk: Desk, asked: Asked, crm: str, key: str, message: DealMessage) -> Answer:
    """Note who ordered what, then hand it over: what is on the queue was noted."""
    correlation_id = str(uuid.uuid4())
    text = desk.messages.text("ordered", action=asked.action, by=asked.by)
    entry = audit.entry(Stamp(desk.clock.now(), correlation_id), key, audit.BOTH, text)
    desk.of(crm).audit.add(key, entry)
    desk.queue.send(replace(message, correlation_id=correlation_id, crm=crm).dump())
    will = desk.messages.text(f"will.{asked.action}")
    return Answer(202, {"action": asked.action, "crm": crm, "deal": key, "will": will})


def _again(found: Found) -> DealMessage:
    if found.parked:
        return replace(DealMessage.load(found.parked.message), reason=ASKED, observed=None)
    if found.record:
        return DealMessage.of_record(found.record, ASKED, "")
    return DealMessage(PARTNER_CENTER, ASKED, "", referral_id=found.key)


def _ordering(found: Found, order: Order) -> DealMessage:
    link = found.link
    if link is None or link.record is None:
        return DealMessage(PARTNER_CENTER, ORDERED, "", referral_id=found.key, order=order)
    return replace(DealMessage.of_record(link.record, ORDERED, ""), referral_id=link.referral_id, order=order)


# --- what the ledger can refuse: the key of the reason ---------------------------------------------------------------


def _not_pausable(_desk: Desk, found: Found) -> str | None:
    link = found.link
    return None if link and link.state in (LinkState.LINKED, LinkState.PAUSED) else "refused.pause"


def _not_resumable(_desk: Desk, found: Found) -> str | None:
    if found.link and found.link.state is LinkState.PAUSED:
        return "refused.resume_seller"
    return None if found.link and found.link.state is LinkState.STOPPED else "refused.resume"


def _not_tied(_desk: Desk, found: Found) -> str | None:
    return None if ties(found.link) and found.link.record else "refused.unlink"


def _not_over(desk: Desk, found: Found) -> str | None:
    link = found.link
    if link is None or link.record is None or link.state is LinkState.IGNORED:
        return "refused.unlink"
    if link.record.table != tables(desk, found.crm)[0]:
        return "refused.share_lead"
    if link.state is LinkState.UNLINKED:
        return "refused.shared" if ties(desk.of(found.crm).links.of_record(link.record)) else None
    over = link.state is LinkState.ORPHANED or link.base.get(STATUS) in TERMINAL
    return None if over else "refused.share_again"


def _not_waiting(_desk: Desk, found: Found) -> str | None:
    problems = found.parked.problems if found.parked and not ties(found.link) else ()
    return None if LOOKS_ALIKE in [each.code for each in problems] else "refused.create"


_CHECKS: Mapping[Order, Callable[[Desk, Found], str | None]] = {
    Order.PAUSE: _not_pausable,
    Order.RESUME: _not_resumable,
    Order.SHARE_AGAIN: _not_over,
    Order.UNLINK: _not_tied,
    Order.CREATE: _not_waiting,
}


# --- linking, and held work ------------------------------------------------------------------------------------------


def _link(desk: Desk, asked: Asked) -> Answer:
    if not asked.crm and len(desk.crms) > 1:
        return refused(400, "invalid_request", f"crm: must be one of {', '.join(desk.crms)}.")
    crm = asked.crm or desk.crms[0]
    known = tables(desk, crm)
    table = asked.table or next(iter(known), "")
    if not is_guid(asked.deal.lower()):
        return refused(400, "invalid_request", "deal: must be the id of a referral, a GUID.")
    if table not in known:
        return refused(400, "invalid_request", f"table: must be one of {', '.join(known)}.")
    links, record = desk.of(crm).links, RecordKey(crm, table, asked.record)
    for held in (links.of_referral(asked.deal.lower()), links.of_record(record)):
        if ties(held):
            text = desk.messages.text("refused.link", referral=held.referral_id, record=held.record_id)
            return refused(409, "conflict", text)
    message = replace(DealMessage.of_record(record, ORDERED, ""), referral_id=asked.deal.lower(), order=Order.LINK)
    return _send(desk, asked, crm, asked.deal.lower(), message)


def _release(desk: Desk, asked: Asked) -> Answer:
    named = next(((crm, kind) for crm in desk.crms for kind in Kind if held_id(crm, kind) == asked.held), None)
    if named is None:
        return refused(404, "not_found", f"No held work is named {asked.held}.")
    crm, kind = named
    work = desk.guarded(crm)
    if not mass_change.held(work, kind):
        return refused(409, "conflict", desk.messages.text("refused.release"))
    action = "drop" if asked.drop else RELEASE
    text = desk.messages.text("ordered", action=f"{action} {kind}", by=asked.by)
    entry = audit.entry(Stamp(desk.clock.now(), str(uuid.uuid4())), f"held:{kind}", audit.BOTH, text)
    desk.of(crm).audit.add(f"held:{kind}", entry)
    count = (mass_change.drop if asked.drop else mass_change.release)(work, kind)
    if next(iter(desk.of(crm).agenda.all(DueKind.HELD)), None) is None:
        desk.alerts.clear(MASS_CHANGE.format(crm))
    will = desk.messages.text(f"will.{action}", count=count)
    return Answer(202, {"action": RELEASE, "crm": crm, "held": asked.held, "count": count, "will": will})
