"""One deal in several CRMs: what one of them changed in Partner Center, the others hear from us."""

from __future__ import annotations

from shared.ledger.port import Link
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Ports

PATIENCE = 2.0
"""Seconds that Partner Center's own event gets to be there first; then our message costs no call."""


def notify_other_crms(ports: Ports, link: Link, correlation_id: str) -> None:
    """Queue a deal that was just written to Partner Center for every other CRM.

    Whether Partner Center raises events about an app's own writes is not documented.
    """
    for name in ports.others:
        observed = {"changed_at": link.referral_changed_at.isoformat()} if link.referral_changed_at else None
        message = DealMessage(
            PARTNER_CENTER,
            f"written by {link.crm}",
            correlation_id,
            referral_id=link.referral_id,
            observed=observed,
            crm=name,
        )
        ports.queue.send(message.dump(), delay=PATIENCE)
