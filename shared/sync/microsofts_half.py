"""Microsoft's half of a co-sell deal: it changes without our row, so it is looked at again and again."""

from __future__ import annotations

from datetime import timedelta

from shared.ledger.model import Due, DueKind
from shared.link import Link
from shared.partner_center.port import Referral
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Task

EVERY = timedelta(hours=6)
"""How often Microsoft's half of an open co-sell deal is looked at when no event tells of it."""


REASON = "microsoft"
"""The reason of a message that has both halves of a deal looked at."""


def look_again_later(task: Task, link: Link) -> None:
    """Put Microsoft's half of a deal on the agenda."""
    message = DealMessage(PARTNER_CENTER, REASON, task.correlation_id, referral_id=link.referral_id, crm=link.crm)
    now = task.clock.now()
    task.agenda.put(Due(DueKind.MICROSOFT, link.referral_id, now + EVERY, now, message.dump()))


def with_microsofts(own: Referral, related: Referral) -> Referral:
    """Return our row with Microsoft's CRM identifier, when only Microsoft's row tells it."""
    if own.microsoft_crm_id or not related.microsoft_crm_id:
        return own
    tracking = own.body.get("trackingInfo")
    held = dict(tracking) if isinstance(tracking, dict) else {}
    return Referral({**own.body, "trackingInfo": {**held, "microsoftMsxId": related.microsoft_crm_id}})
