"""Invites Microsoft into a deal that was shared without: help was chosen later. Once only, and never back.

The deal is made visible to Microsoft first, which an invitation takes. Then the invitation goes out under an intent,
and the link keeps it at once: whatever stops behind that, nobody is invited a second time.
"""

from __future__ import annotations

from dataclasses import replace

from shared.deal import HELP, VISIBLE, Fields
from shared.decide import decide
from shared.decide.deal import Deal
from shared.decide.decisions import Agree, AskMicrosoft
from shared.decide.planning import agreed_base
from shared.errors import DataError, StaleError, VersionMismatch
from shared.ledger import audit
from shared.ledger.model import AuditEntry
from shared.link import Link
from shared.merge import Change
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from shared.partner_center.new_referral import NewDeal, invitation
from shared.partner_center.port import Referral
from shared.sync.base import with_base
from shared.sync.microsofts_half import next_look, read_half
from shared.sync.observe import seen_referral
from shared.sync.outcome import Outcome
from shared.sync.perform import microsoft
from shared.sync.perform.agree import reach
from shared.sync.perform.create_referral import lead_to
from shared.sync.perform.intents import Attempt, attempting, expect_unchanged, wait_for_certainty
from shared.sync.perform.written import Written
from shared.sync.sharing import Rows, look_around
from shared.sync.task import Task


def ask_microsoft(task: Task, deal: Deal, decision: AskMicrosoft, written: Written) -> Outcome:
    """Invite Microsoft, then bring everything else into agreement.

    What Partner Center would refuse is said before any call to it; then, and when it refuses, everything but the help
    travels. Raises StaleError when the deal changed since it was observed, Deferred while another worker asks, and the
    families.
    """
    try:
        asked = _invitation(task, decision.agree)
    except DataError as error:
        return _without_help(task, deal, error, written)
    own = _visible(task, decision.agree)
    now = replace(deal, referral=seen_referral(task, own))
    try:
        link, half = _ask(task, decision.agree, asked, own)
    except DataError as error:
        return _without_help(task, now, error, written)
    now = replace(now, link=link, microsoft=half)
    rest = decide(now, task.field_map, task.policy)
    if not isinstance(rest, Agree):
        raise StaleError("Microsoft was invited; the deal is looked at again")
    return reach(task, now, rest, written)


def _without_help(task: Task, deal: Deal, error: DataError, written: Written) -> Outcome:
    """Let everything but the help travel; the record says why Microsoft was not invited. Raises the families."""
    decision = decide(deal, task.field_map, task.policy)
    if not isinstance(decision, AskMicrosoft):
        raise StaleError("the deal changed while Microsoft was to be invited")
    agree = decision.agree
    return reach(task, deal, replace(agree, problems=(*agree.problems, *error.problems)), written)


def _invitation(task: Task, agree: Agree) -> NewDeal:
    """Return the deal as Microsoft will see it: with the values that are about to be agreed. Raises DataError."""
    agreed: Fields = {**agree.record.fields, **{each.name: each.new for each in agree.plan.to_crm}}
    sharing = look_around(task, replace(agree.record, fields=agreed))
    if not isinstance(sharing.rows, Rows):
        raise DataError(*sharing.problems)
    return sharing.rows.deal


def _visible(task: Task, agree: Agree) -> Referral:
    """Return our half as it is now, made visible to Microsoft's sellers. Raises VersionMismatch."""
    seen = agree.referral
    if seen.fields.get(VISIBLE) is True:
        own = task.partner_center.read(seen.id)
        if own.version != seen.version:
            raise VersionMismatch("the referral changed in Partner Center")
        return own
    shows = Change(VISIBLE, seen.fields.get(VISIBLE), True, Reason.MICROSOFT_INVITED)  # noqa: FBT003 - a value
    operations = task.field_map.operations([shows], None)
    return task.partner_center.update(seen.id, operations, str(seen.version))


def _ask(task: Task, agree: Agree, asked: NewDeal, own: Referral) -> tuple[Link, MicrosoftsHalf]:
    """Post the invitation under an intent, and commit the link that knows of it; returns both."""
    record = agree.record.key
    with attempting(task, record, own.id) as attempt:
        expect_unchanged(task, attempt, agree.link)
        invited = _posted(task, asked, own, attempt)
        attempt.answered = True
        half = read_half(task.field_map, invited, own)
        entries = _entries(task, agree, asked, half)
        base = {**agreed_base(agree.link, task.field_map), HELP: asked.fields[HELP]}
        link = replace(
            with_base(agree.link, base, task.field_map),
            microsoft=replace(half, told={}),
            settled=False,
            recent_audit=audit.extended(agree.link.recent_audit, entries),
        )
        committed = task.links.commit(link, entries, attempt.intent, [next_look(task, link)])
    lead_to(task, invited, own)
    # Not committed yet: where what follows breaks off, the event about Microsoft's row brings it to an end.
    return replace(committed, related_changed_at=invited.changed_at), half


def _entries(task: Task, agree: Agree, asked: NewDeal, half: MicrosoftsHalf) -> list[AuditEntry]:
    change = Change(HELP, None, asked.fields[HELP], Reason.MICROSOFT_INVITED)
    text, referral_id = audit.describe(task.choices.messages, [change]), agree.link.referral_id
    return [
        audit.entry(task.stamp(), referral_id, audit.TO_PARTNER_CENTER, text, [change]),
        audit.entry(task.stamp(), referral_id, audit.TO_CRM, microsoft.news(agree.link.microsoft, half)),
    ]


def _posted(task: Task, asked: NewDeal, own: Referral, attempt: Attempt) -> Referral:
    """Return Microsoft's row: the one that an earlier attempt made, or a new one."""
    if attempt.taken_over:
        if theirs := task.partner_center.engagement(own.engagement_id).microsoft:
            return theirs
        wait_for_certainty(task, attempt.intent)
    return task.partner_center.create(invitation(task.field_map, asked, attempt.intent.record.id, own))
