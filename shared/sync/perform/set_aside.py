"""The decisions after which nothing travels: ignored, paused, orphaned; and a link that follows its record."""

from __future__ import annotations

import logging
from dataclasses import replace

from shared.choices import CrmAudit
from shared.crm.port import Record
from shared.deal import RecordKey
from shared.decide.deal import Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import Ignore, Orphan, Pause, Rekey, Stop
from shared.decide.fights import HELD, PAUSE, goes_round, once_more
from shared.errors import CosellError
from shared.ledger import audit
from shared.ledger.drawers import merged_into
from shared.link import Link, LinkState
from shared.messages.reasons import Reason
from shared.messages.waiting import Waiting
from shared.orders import Order
from shared.problems import problem
from shared.queue.message import DealMessage
from shared.status import attention, paused, pending, stopped
from shared.sync.observe import remembered_record, remembers
from shared.sync.outcome import Outcome
from shared.sync.perform import deadlines, identity, unshared
from shared.sync.perform.adopt import set_record_id
from shared.sync.perform.behind import come_back, forget
from shared.sync.perform.guarded import wait_for_guard
from shared.sync.perform.written import Written, is_untouched
from shared.sync.task import Task

log = logging.getLogger(__name__)


def ignore(task: Task, deal: Deal, decision: Ignore, written: Written) -> Outcome:
    """Note why a referral has no record; a record that is not shared leaves no trace, but for what we said on it."""
    referral = deal.referral
    if deal.starts_at == "record":
        unshared.leave(task, deal, decision.reason, written)
    if not isinstance(referral, ReferralSeen) or deal.starts_at == "record" or task.choices.dry_run:
        return Outcome.IGNORED
    forget(task, referral.id, written)
    side = "record" if decision.record else "referral"
    condition = getattr(task.field_map.file.sync_when, side)
    text = task.choices.messages.reason(
        decision.reason, name=f"sync_when.{side}", condition=condition, record=referral.names and referral.names.id
    )
    entry = audit.entry(task.stamp(), referral.id, audit.TO_CRM, text)
    link = deal.link or Link(task.name, referral.id, None)
    link = replace(
        link,
        record=decision.record,
        state=LinkState.IGNORED,
        engagement_id=referral.engagement_id,
        referral_version=referral.version,
        referral_changed_at=referral.changed_at,
        mapping_version=task.field_map.version,
    )
    news = deal.link is None or link.recent_audit[:1] != audit.extended((), [entry])
    task.links.commit(replace(link, recent_audit=audit.extended(link.recent_audit, [entry])), [entry] if news else [])
    return Outcome.IGNORED


def pause(task: Task, deal: Deal, _decision: Pause, written: Written) -> Outcome:
    """Let nothing travel until the seller switches the sync on again. Raises the families."""
    link = _linked(deal)
    task.records.check_readable()  # A column that the app may not read looks like Sync = No.
    repeats = once_more(link, PAUSE, task.clock.now())
    after = replace(link, state=LinkState.PAUSED, status=paused(task.choices.messages), repeats=repeats)
    _set_state(task, link, after, Reason.PAUSED_BY_SELLER, deal.record, written)
    return Outcome.PAUSED


def stop(task: Task, deal: Deal, _decision: Stop, written: Written) -> Outcome:
    """Let nothing travel until a person resumes the deal. Raises the families."""
    link = _linked(deal)
    after = replace(link, state=LinkState.STOPPED, status=stopped(task.choices.messages))
    _set_state(task, link, after, Reason.STOPPED_BY_PERSON, deal.record, written)
    return Outcome.PAUSED


def orphan(task: Task, deal: Deal, decision: Orphan, written: Written) -> Outcome:
    """Keep the link for the day on which the missing side comes back; the record that is there says so."""
    link, reason = _linked(deal), decision.reason
    after = replace(link, state=LinkState.ORPHANED)
    if reason is Reason.SUCCESSOR_NOT_SHARED and isinstance(deal.successor, RecordKey):
        # Shared later, that one goes on with this deal, and is no new one.
        task.drawers.change(merged_into(deal.successor), lambda _held: link.referral_id)
    if reason is not Reason.REFERRAL_GONE:
        _set_state(task, link, after, reason, None, written)
        return Outcome.ORPHANED
    record = deal.record if isinstance(deal.record, RecordSeen) else _record_of(task, link)
    shown = attention(task.choices.messages, [problem("status.referral_gone", "deal")])
    _set_state(task, link, replace(after, status=shown), reason, record, written)
    return Outcome.ORPHANED


def say_that_it_waits(task: Task, deal: Deal, record: object, written: Written) -> None:
    """Let the deal go on as it is, and its record say that what was asked of it waits for a person; once."""
    link, shown = _linked(deal), pending(task.choices.messages, Waiting.MASS_CHANGE)
    known = record if isinstance(record, RecordSeen) or record is None else _record_of(task, link)
    now = task.clock.now()
    if goes_round(link, HELD, now):
        # Automation answers each of our writes with another one: the ledger alone says so.
        if link.status != shown:
            after = replace(link, status=shown, settled=False, unshown=True)
            written.before, written.after = link, task.links.commit(after, [])
    elif link.status != shown or (link.unshown and not _is_locked(task, known)):
        after = replace(link, status=shown, repeats=once_more(link, HELD, now))
        _set_state(task, link, after, Reason.MASS_CHANGE, known, written)


def rekey(task: Task, _deal: Deal, decision: Rekey, _written: Written) -> Outcome:
    """Let the link follow its record, and the referral's CRM ID with it; the next look brings both into agreement.

    The base stays: what the surviving record holds otherwise is an edit like any other. Of its status nothing is known.
    """
    link = decision.link
    referral = task.partner_center.read(link.referral_id)
    if not referral.closed and referral.external_reference_id != decision.to.id:
        referral = set_record_id(task, link.referral_id, decision.to.id, referral.version)
    text = task.choices.messages.reason(Reason.RECORD_REPLACED, record=decision.to.id)
    entry = audit.entry(task.stamp(), link.referral_id, audit.BOTH, text)
    moved = replace(
        link,
        record=decision.to,
        state=LinkState.LINKED,
        settled=False,
        record_version=None,
        record_seen_at=None,
        status=None,
        recent_audit=audit.extended(link.recent_audit, [entry]),
    )
    task.links.commit(moved, [entry])
    message = DealMessage.of_record(decision.to, "rekeyed", task.correlation_id)
    task.queue.send(message.dump())
    return Outcome.REKEYED


def _linked(deal: Deal) -> Link:
    assert deal.link  # noqa: S101 - only a linked deal is paused or orphaned
    return deal.link


def _record_of(task: Task, link: Link) -> RecordSeen | Record | None:
    if remembers(link, task.field_map) and link.record_seen_at:
        return remembered_record(link, task.field_map)
    if link.record is None or link.record_seen_at is None or link.record_version is None:
        return None
    return Record(link.record.id, link.record_version, {}, link.record_seen_at)


def _set_state(task: Task, before: Link, link: Link, reason: Reason, record: object, written: Written) -> None:
    """Let a link stand otherwise than before, for a reason, and its record say so. Raises the families."""
    entry = audit.entry(task.stamp(), link.referral_id, audit.BOTH, task.choices.messages.reason(reason))
    # What could not be shown is shown later, and told once.
    again = before.state is link.state and (reason is Reason.PAUSED_BY_SELLER or before.status == link.status)
    news = [] if again else [entry]
    recent = audit.extended(link.recent_audit, news)
    link = replace(link, settled=False, recent_audit=recent, closing=None, deadline=None)
    link = _show(task, link, record)
    if link.unshown:
        link = replace(link, repeats=before.repeats)  # Nothing was written that automation may have answered.
    committed = task.links.commit(link, news, met=deadlines.met(before, link))
    written.before, written.after = before, committed
    if link.unshown and not _is_locked(task, record):
        # Somebody edited at that very moment, or the CRM refuses it; it must not go on saying ✔.
        written.behind = True
        come_back(task, committed, (), order=Order.PAUSE if link.state is LinkState.STOPPED else None)
    else:
        forget(task, link.referral_id, written)


def _is_locked(task: Task, record: object) -> bool:
    return isinstance(record, RecordSeen) and record.closed and task.policy.closed_rows_are_read_only


def _show(task: Task, link: Link, record: object) -> Link:
    """Write status and audit to the record; returns the link knowing the version that this produced.

    A version in which the CRM's own logic changed more is not remembered: the change feed's row will be looked at.

    A record that cannot be written now is no reason to let anything travel: the ledger has the audit, and the record
    is told when it can be.
    """
    unshown = replace(link, unshown=True)
    before = record if isinstance(record, RecordSeen) else None
    if isinstance(record, RecordSeen):
        if _is_locked(task, record):
            return unshown
        record = Record(record.key.id, record.version, record.columns or {}, record.seen_at)
    if not isinstance(record, Record) or task.choices.crm_audit is not CrmAudit.EVERY_CHANGE:
        return link
    wait_for_guard(task, record, link)
    try:
        written = task.records.update(record, identity.audit_columns(task.field_map, link))
        untouched = before is not None and is_untouched(task, before, written)
    except CosellError as error:
        log.warning("status not shown: %s", type(error).__name__)
        return unshown
    version = written.version if untouched else None
    return replace(link, unshown=False, record_version=version, record_seen_at=written.seen_at)
