"""The Reconciler's use cases: missed events, deals under an old mapping, and parked deals whose time has come."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.ledger.port import Link, LinkState
from shared.partner_center.port import Referral
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Ports

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=15)
"""How far the sweep reaches back behind its cursor: Partner Center's lists may lag behind its writes."""


@dataclass(frozen=True)
class Swept:
    """What a sweep found: how many deals it queued, and how many of those changes no earlier sweep has seen."""

    queued: int = 0
    unannounced: int = 0


def sweep(ports: Ports) -> Swept:
    """Queue every referral whose version the ledger does not know; returns what was found.

    The cursor only moves to a time that Partner Center itself reported, never to ours. The first sweep takes the
    undecided invitations only: older deals come in when they change.
    """
    held = ports.ledger.value("cursor", f"{PARTNER_CENTER}-{ports.crm.name}")
    if held.value:
        start = datetime.fromisoformat(held.value)
        found, newest = _queue_unknown(ports, ports.partner_center.changed_since(start - OVERLAP), start)
    else:
        last = ports.partner_center.newest()
        start = last.changed_at if last else ports.partner_center.now()
        found, newest = _queue_unknown(ports, ports.partner_center.undecided(), start)
    if newest.isoformat() != held.value:
        ports.ledger.replace_value("cursor", f"{PARTNER_CENTER}-{ports.crm.name}", newest.isoformat(), held)
    return found


def _queue_unknown(ports: Ports, referrals: Iterable[Referral], start: datetime) -> tuple[Swept, datetime]:
    """Queue the referrals the ledger does not know; returns what was found, and the newest change that was seen."""
    sent, fresh, newest, correlation_id = 0, 0, start, str(uuid.uuid4())
    for referral in referrals:
        newest = max(newest, referral.changed_at)
        if not _is_known(ports, referral):
            message = DealMessage(PARTNER_CENTER, "sweep", correlation_id, referral_id=referral.id, crm=ports.crm.name)
            ports.queue.send(message.dump())
            sent += 1
            fresh += referral.changed_at > start
    if sent:
        log.warning("the sweep found changes without an event", extra={"crm": ports.crm.name, "found": sent})
    return Swept(sent, fresh), newest


def _is_known(ports: Ports, referral: Referral) -> bool:
    link = ports.ledger.link(ports.crm.name, referral.id)
    if link is None:
        # Partner Center's closed deals of the past are no news to anybody.
        return referral.closed
    if link.state in (LinkState.PAUSED, LinkState.ORPHANED):
        return True
    return link.referral_version == referral.version


def apply_mapping(ports: Ports) -> int:
    """After the mapping file changed, queue every deal that was last treated under another one; returns how many.

    It is remembered as applied once all of them are queued; a pass that was interrupted goes on with those that are
    still under the old one.
    """
    held, version = ports.ledger.value("mapping", ports.crm.name), ports.field_map.version
    if held.value == version:
        return 0
    sent, correlation_id = 0, str(uuid.uuid4())
    for link in ports.ledger.links(ports.crm.name):
        if link.mapping_version != version and link.state in (LinkState.LINKED, LinkState.IGNORED):
            ports.queue.send(_look_again(ports, link, correlation_id).dump())
            sent += 1
    ports.ledger.replace_value("mapping", ports.crm.name, version, held)
    if sent:
        log.warning("the mapping changed: its deals are looked at", extra={"crm": ports.crm.name, "found": sent})
    return sent


def _look_again(ports: Ports, link: Link, correlation_id: str) -> DealMessage:
    if link.state is LinkState.IGNORED:
        return DealMessage(PARTNER_CENTER, "mapping", correlation_id, referral_id=link.referral_id, crm=link.crm)
    return DealMessage(ports.crm.name, "mapping", correlation_id, record_id=link.record_id)


def resume_due(ports: Ports) -> frozenset[str]:
    """Queue every parked deal whose time has come; returns the families of everything that is parked.

    A deal stays parked until it succeeded.
    """
    families = set()
    for parked in ports.ledger.all_parked(ports.crm.name):
        families.add(parked.family)
        if parked.due <= ports.clock.now():
            ports.queue.send(parked.message)
    return frozenset(families)
