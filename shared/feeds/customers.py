"""Accounts and contacts that were edited after their deal was shared: no change feed of opportunities tells of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice

from shared.crm.beside import MOST
from shared.deal import STATUS
from shared.ledger.drawers import moment
from shared.lifecycle import TERMINAL
from shared.link import LinkState
from shared.queue.message import DealMessage
from shared.sync.begin import CUSTOMER
from shared.sync.task import Task

EVERY = timedelta(hours=1)
"""How often a CRM is asked."""

OVERLAP = timedelta(hours=1)
"""How far the question reaches back behind the last one: the CRM's clock may be that wrong."""


def look_at_customers(task: Task) -> int:
    """Queue the open deals whose account or contact holds something else than when it was last compared.

    One call an hour, and one for each fifty deals whose rows were written, whoever wrote them and whatever. Returns how
    many were queued. Raises the families.
    """
    drawer, now = moment("customers", task.name), task.clock.now()
    held = task.drawers.read(drawer)
    if held.value and now - held.value < EVERY:
        return 0
    sent = 0
    if held.value:
        ids = iter(task.opportunity.records.beside_edited(held.value - OVERLAP))
        while batch := list(islice(ids, MOST)):
            marks = task.opportunity.records.beside(batch)
            sent += sum(_queue(task, record_id, mark) for record_id, mark in marks.items())
    task.drawers.replace(drawer, now, held)
    return sent


def _queue(task: Task, record_id: str, mark: str) -> bool:
    link = task.links.of_record(task.opportunity.key(record_id))
    if link is None or link.state is not LinkState.LINKED or link.record is None:
        return False
    if link.beside == mark or link.base.get(STATUS) in TERMINAL:
        return False
    message = DealMessage.of_record(link.record, CUSTOMER, task.correlation_id)
    task.queue.send(replace(message, observed={"beside": mark}).dump())
    return True
