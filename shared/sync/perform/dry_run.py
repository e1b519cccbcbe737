"""What a dry run does with a decision: it notes what would be done."""

from __future__ import annotations

from shared.deal import HELP
from shared.deal_registration import FIELD
from shared.decide.deal import Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import (
    Adopt,
    Agree,
    AskMicrosoft,
    AwaitUndo,
    CreateRecord,
    CreateReferral,
    Decision,
    FollowCustomer,
    FollowOwner,
    Register,
)
from shared.ledger import audit
from shared.merge import Change
from shared.messages import Messages
from shared.messages.reasons import Reason
from shared.sync.outcome import Outcome
from shared.sync.task import Task


def record(task: Task, deal: Deal, decision: Decision) -> Outcome:
    """Note in the audit what would be written, and write nothing to either side."""
    changes, messages = _changes(decision), task.choices.messages
    text = messages.reason(Reason.DRY_RUN, changes=audit.describe(messages, changes))
    task.audit.add(
        key_of(deal),
        audit.entry(task.stamp(), key_of(deal), audit.BOTH, text if changes else _plainly(messages, decision), changes),
    )
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
    ends = (Adopt, AskMicrosoft, AwaitUndo, FollowCustomer, FollowOwner, Register)
    agree = decision.agree if isinstance(decision, ends) else decision
    if not isinstance(agree, Agree):
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
    if isinstance(decision, (Agree, Adopt, AwaitUndo, FollowCustomer, FollowOwner)):
        return messages.reason(Reason.DRY_RUN_NOTHING)
    return messages.reason(Reason.DRY_RUN_STEP, step=type(decision).__name__.lower())
