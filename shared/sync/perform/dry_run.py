"""A dry run: what would be done is told in the audit and compared with what somebody else does; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from shared.deadline import created_at
from shared.deal import DECIDE_BY, HELP, STATUS, Value, show
from shared.deal_registration import FIELD
from shared.decide.deal import Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import (
    Agree,
    AskMicrosoft,
    AwaitUndo,
    CreateRecord,
    CreateReferral,
    Decision,
    Register,
    agreement,
)
from shared.ledger import audit
from shared.merge import Change
from shared.messages import Messages
from shared.messages.reasons import Reason
from shared.sync.outcome import Outcome
from shared.sync.shadow import LONGEST, STEP, Look, Shadow, Would, after, joined, shadow_drawer
from shared.sync.task import Task


def record(task: Task, deal: Deal, decision: Decision) -> Outcome:
    """Note in the audit what would be written, and write nothing to either side."""
    changes, messages = _changes(decision), task.choices.messages
    text = messages.reason(Reason.DRY_RUN, changes=audit.describe(messages, changes))
    task.audit.add(
        key_of(deal),
        audit.entry(task.stamp(), key_of(deal), audit.BOTH, text if changes else _plainly(messages, decision), changes),
    )
    _compare(task, deal, decision)
    return Outcome.DRY_RUN


def key_of(deal: Deal) -> str:
    """Return the deal's key: the referral's id, or the record's key while there is none."""
    if deal.link:
        return deal.link.referral_id
    if isinstance(deal.referral, ReferralSeen):
        return deal.referral.id
    assert isinstance(deal.record, RecordSeen)  # noqa: S101 - a deal has at least one side
    return deal.record.key.deal


def _changes(decision: Decision) -> list[Change]:
    agree = agreement(decision)
    if agree is None:
        return []
    asked = decision.help if isinstance(decision, AskMicrosoft) else None
    invites = [Change(HELP, None, asked, Reason.MICROSOFT_INVITED)] if asked else []
    if isinstance(decision, Register):
        invites = [Change(FIELD, None, True, Reason.WIN_REGISTERED)]  # noqa: FBT003 - a value
    return [*invites, *agree.plan.to_partner_center, *agree.plan.to_crm, *agree.told]


def _plainly(messages: Messages, decision: Decision) -> str:
    if isinstance(decision, CreateRecord):
        return messages.reason(Reason.DRY_RUN_CREATE_RECORD)
    if isinstance(decision, CreateReferral):
        return messages.reason(Reason.DRY_RUN_CREATE_REFERRAL)
    if agreement(decision):
        return messages.reason(Reason.DRY_RUN_NOTHING)
    return messages.reason(Reason.DRY_RUN_STEP, step=type(decision).__name__.lower())


LONG = timedelta(days=1)
"""How long ago a deal was shared that the first look finds as others left it."""


# --- beside somebody else --------------------------------------------------------------------------------------------


def _compare(task: Task, deal: Deal, decision: Decision) -> None:
    """Remember what is called for now, and what became of what was called for before. Raises the families."""
    key, look = key_of(deal), _look(task, decision)
    record = deal.record.key if isinstance(deal.record, RecordSeen) else deal.link.record if deal.link else None
    table, record_id = (record.table, record.id) if record else ("", "")
    # The deal had no referral when its record was looked at first.
    alone = shadow_drawer(task.name, record.deal) if record and record.deal != key else None
    held = task.drawers.read(alone) if alone else None

    def looked(known: Shadow) -> Shadow:
        named = Shadow(table or known.table, key if alone or not record else "", record_id or known.record_id)
        return after(joined(joined(named, known), held.value if held else Shadow()), look)

    task.drawers.change(shadow_drawer(task.name, key), looked)
    if alone and held:
        task.drawers.clear(alone, held)


def _look(task: Task, decision: Decision) -> Look:
    """Return what a decision calls for. What only the app's own columns show is nobody else's business."""
    agree, now = agreement(decision), task.clock.now()
    writes = tuple(Would(*each, since=now) for each in (_planned(decision, agree) if agree else _steps(decision)))
    if agree is None:
        return Look(now, writes, {}, {})
    referral, record = agree.referral.fields, agree.record.fields
    values = {name: (_text(referral[name]), _text(record[name])) for name in referral.keys() & record.keys()}
    kept = {each.name for each in agree.plan.differences} - {each.field for each in writes}
    created = agree.link.created_at or created_at(agree.referral.body)
    old = created is not None and now - created > LONG
    return Look(now, writes, {name: both for name, both in values.items() if name in kept}, values, old)


def _planned(decision: Decision, agree: Agree) -> Iterator[tuple[str, str, str, str, str]]:
    for side, changes in (("partner_center", agree.plan.to_partner_center), ("crm", agree.plan.to_crm)):
        for each in (each for each in changes if each.name != DECIDE_BY):
            yield each.name, side, _text(each.old), _text(each.new), str(each.reason)
    if isinstance(decision, AwaitUndo):
        old, new = agree.referral.fields.get(STATUS), agree.record.fields.get(STATUS)
        yield STATUS, "partner_center", _text(old), _text(new), Reason.CLOSE_WAITS
    if isinstance(decision, (AskMicrosoft, Register)):
        reason = Reason.MICROSOFT_INVITED if isinstance(decision, AskMicrosoft) else Reason.WIN_REGISTERED
        yield STEP, "partner_center", "", type(decision).__name__, reason


def _steps(decision: Decision) -> Iterator[tuple[str, str, str, str, str]]:
    side = "partner_center" if isinstance(decision, CreateReferral) else "crm"
    yield STEP, side, "", type(decision).__name__, ""


def _text(value: Value) -> str:
    text = show(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
