"""What the audit says of a deal that is tied: what both sides agree on then, which nothing else need have told."""

from __future__ import annotations

from shared.deal import Fields
from shared.decide.unlinked import ties
from shared.ledger import audit
from shared.ledger.model import AuditEntry
from shared.link import Link
from shared.merge import Change
from shared.messages.reasons import Reason
from shared.sync.task import Task


def entries(task: Task, before: Link, base: Fields) -> list[AuditEntry]:
    """Return the entry of a link that begins to tie a record.

    The sides may have been made equal by a creation whose commit failed, and whose own entry was lost with it.
    """
    if before.etag is not None and ties(before):
        return []
    agreed = [Change(name, None, each, Reason.LINKED) for name, each in base.items() if each not in (None, ())]
    text = task.choices.messages.reason(Reason.LINKED)
    return [audit.entry(task.stamp(), before.referral_id, audit.BOTH, text, agreed)]
