"""The sweep: what changed in Partner Center without an event that reached us."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import telemetry
from shared.ledger.drawers import sweep_cursor
from shared.link import RESTING, LinkState
from shared.partner_center.port import Referral
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Task

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=15)
"""How far the sweep reaches back behind its cursor: Partner Center's lists may lag behind its writes."""


@dataclass(frozen=True)
class Swept:
    """What a sweep found: how many deals it queued, and how many of those changes no earlier sweep has seen."""

    queued: int = 0
    unannounced: int = 0


def sweep(task: Task) -> Swept:
    """Queue every referral of ours whose version the ledger does not know; returns what was found.

    The cursor only moves to a time that Partner Center itself reported, never to ours. The first sweep takes the
    undecided invitations only: older deals come in when they change. Raises StaleError when another sweep moved the
    cursor meanwhile, and the families.
    """
    held = task.drawers.read(sweep_cursor(task.name))
    if held.value:
        start = held.value
        found, newest = _queue_unknown(task, task.partner_center.changed_since(start - OVERLAP), start)
    else:
        last = task.partner_center.newest()
        start = last.changed_at if last else task.partner_center.now()
        found, newest = _queue_unknown(task, task.partner_center.undecided(), start)
    if newest != held.value:
        task.drawers.replace(sweep_cursor(task.name), newest, held)
    return found


def _queue_unknown(task: Task, referrals: Iterable[Referral], start: datetime) -> tuple[Swept, datetime]:
    """Queue the referrals the ledger does not know; returns what was found, and the newest change that was seen."""
    sent, fresh, newest, correlation_id = 0, 0, start, telemetry.correlation_id()
    for referral in referrals:
        newest = max(newest, referral.changed_at)
        if task.organization.owns(referral) and not _is_known(task, referral):
            message = DealMessage(PARTNER_CENTER, "sweep", correlation_id, referral_id=referral.id, crm=task.name)
            task.queue.send(message.dump())
            sent += 1
            fresh += referral.changed_at > start
    if sent:
        log.warning("the sweep found changes without an event", extra={"crm": task.name, "found": sent})
    return Swept(sent, fresh), newest


def _is_known(task: Task, referral: Referral) -> bool:
    link = task.links.of_referral(referral.id)
    if link is None:
        # Partner Center's closed deals of the past are no news to anybody.
        return referral.closed
    if link.state in (LinkState.PAUSED, LinkState.ORPHANED, *RESTING):
        return True
    return link.referral_version == referral.version
