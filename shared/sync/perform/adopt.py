"""Ties a referral and a record that exist already."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from shared.decide.deal import Deal, ReferralSeen
from shared.decide.decisions import Adopt, Agree
from shared.errors import StaleError
from shared.ledger import audit
from shared.ledger.drawers import made_of
from shared.ledger.model import Due
from shared.link import Link, LinkState
from shared.partner_center.port import Referral
from shared.queue.message import DealMessage
from shared.sync.base import with_base
from shared.sync.begin import ASKED
from shared.sync.microsofts_half import next_look
from shared.sync.outcome import Outcome
from shared.sync.perform import tied
from shared.sync.perform.agree import reach
from shared.sync.perform.made import unedited
from shared.sync.perform.written import Written
from shared.sync.sharing import expect_as_seen
from shared.sync.task import Task

_TIED_BY_THEN = timedelta(seconds=10)


def adopt(task: Task, deal: Deal, decision: Adopt, written: Written) -> Outcome:
    """Write the record's id to the referral, and agree on an unknown base. A closed side is not written at all.

    Raises StaleError when the record is not as it was seen, and the families.
    """
    agree = decision.agree
    referral, record = agree.referral, agree.record
    held = task.records.audit_text(record.key.id)
    expect_as_seen(record, held.version)
    if record.qualified:
        # A lead that was qualified before it was tied goes on with its opportunity. Asked for first, so that no stop
        # behind the commit forgets it; before the commit it finds nothing to do.
        again = DealMessage.of_record(record.key, ASKED, task.correlation_id)
        task.queue.send(again.dump(), delay=_TIED_BY_THEN.total_seconds())
    unnamed = not referral.names_any or (decision.claims and referral.names != record.key)
    if unnamed and not referral.closed:
        answer = set_record_id(task, referral.id, record.key.id, str(referral.version))
        referral = replace(referral, version=answer.version, changed_at=answer.changed_at, body=answer.body)
    ours, earlier = audit.parted(held.text)
    recent = agree.link.recent_audit or ours
    link = replace(agree.link, referral_changed_at=referral.changed_at, recent_audit=recent, earlier_audit=earlier)
    _go_on(task, link, replace(agree, referral=referral))
    reach(task, deal, replace(agree, link=link, referral=referral), written)
    for due in _looks(task, link, referral):
        task.agenda.put(due)
    return Outcome.LINKED


def _looks(task: Task, link: Link, referral: ReferralSeen) -> list[Due]:
    """Return what has Microsoft's half looked at from now on, where Microsoft takes part."""
    shared = referral.body is not None and Referral(referral.body).is_shared and not referral.closed
    return [next_look(task, link)] if shared else []


def _go_on(task: Task, link: Link, agree: Agree) -> None:
    """Tie the two on what an interrupted creation made the record of. Raises StaleError, since that decides anew.

    What was edited since is an edit then, and no difference of an unknown past.
    """
    drawer = made_of(agree.record.key)
    held = task.drawers.read(drawer)
    referral_id, made = held.value
    if referral_id != link.referral_id:
        return
    base = unedited(made, agree.record.fields, agree.referral.fields)
    tied_on = replace(with_base(link, base, task.field_map), state=LinkState.LINKED)
    entries, dues = tied.entries(task, link, tied_on.base), _looks(task, link, agree.referral)
    task.links.commit(replace(tied_on, settled=False), entries, dues=dues)
    task.drawers.clear(drawer, held)
    raise StaleError("the creation of the record was interrupted")


def set_record_id(task: Task, referral_id: str, record_id: str, version: str) -> Referral:
    """Write the record's id as the referral's CRM ID. Raises VersionMismatch, GoneError, and the families."""
    operation = {"op": "replace", "path": "/externalReferenceId", "value": record_id}
    return task.partner_center.update(referral_id, [operation], version)
