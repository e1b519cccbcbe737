"""A changed mapping file: every deal that was last treated under another one is looked at."""

from __future__ import annotations

import logging

from shared import telemetry
from shared.ledger.drawers import applied_mapping
from shared.link import Link, LinkState
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.task import Task

log = logging.getLogger(__name__)


def apply_mapping(task: Task) -> int:
    """After a table's mapping changed, queue every deal that was last treated under another one; returns how many.

    It is remembered as applied once all of them are queued; a pass that was interrupted goes on with those that are
    still under the old one. Raises StaleError when another instance applied one meanwhile, and the families.
    """
    held, version = task.drawers.read(applied_mapping(task.binding)), task.field_map.version
    if held.value == version:
        return 0
    sent, correlation_id = 0, telemetry.correlation_id()
    for link in task.links.all():
        if link.mapping_version != version and _is_treated_here(task, link):
            task.queue.send(_look_again(link, correlation_id).dump())
            sent += 1
    task.drawers.replace(applied_mapping(task.binding), version, held)
    if sent:
        log.warning("the mapping changed: its deals are looked at", extra={"crm": task.binding, "found": sent})
    return sent


def _is_treated_here(task: Task, link: Link) -> bool:
    """Whether a deal depends on this table's mapping; what was ignored has no record, and is the opportunity's."""
    table = link.record.table if link.record else task.tables[0]
    return table == task.field_map.table and link.state in (LinkState.LINKED, LinkState.IGNORED)


def _look_again(link: Link, correlation_id: str) -> DealMessage:
    if link.state is LinkState.IGNORED or link.record is None:
        return DealMessage(PARTNER_CENTER, "mapping", correlation_id, referral_id=link.referral_id, crm=link.crm)
    return DealMessage.of_record(link.record, "mapping", correlation_id)
