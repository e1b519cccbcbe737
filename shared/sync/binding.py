"""Which table of a CRM a deal belongs to: a lead until a person qualifies it, and an opportunity otherwise."""

from __future__ import annotations

from dataclasses import replace

from shared.decide.deal import Deal, ReferralSeen
from shared.decide.decisions import Decision, Known
from shared.decide.unlinked import ties
from shared.errors import LeadsUnready
from shared.link import Link
from shared.partner_center.port import Referral
from shared.sync.observe import seen_referral
from shared.sync.task import Task


def task_of(task: Task, link: Link | None) -> Task | None:
    """Return the task of the table that a link's record is in; None when that is not synchronized any more."""
    return task.at(link.record.table) if link and ties(link) and link.record else task


def bind(task: Task, deal: Deal, decision: Decision | None) -> tuple[Task, Deal, Decision | None]:
    """Return the task of a deal's table, the deal as that table has it, and the decision where there is one already.

    A linked deal belongs to its record's table, and a new referral to the leads' while it is an undecided lead: one
    that was accepted before there is any record becomes an opportunity. A record belongs to its own table. One call
    for an accepted lead, else none. Raises the families.
    """
    if deal.order:  # It names its record's table.
        return task, deal, decision
    bound = task_of(task, deal.link)
    if not ties(deal.link) and deal.starts_at == "referral":
        bound = _of_new(task, deal.referral.body if isinstance(deal.referral, ReferralSeen) else None)
    if bound is None:
        return task, deal, Known("its table is not synchronized")
    if bound is task or not isinstance(deal.referral, ReferralSeen) or deal.referral.body is None:
        return bound, deal, decision
    seen = seen_referral(bound, Referral(deal.referral.body), ours=deal.referral.ours)
    return bound, replace(deal, referral=seen), decision


def _of_new(task: Task, body: object) -> Task:
    referral = Referral(body) if isinstance(body, dict) else None
    lead = task.lead if referral and referral.kind.is_lead and not referral.closed else None
    if referral and lead and (referral.is_undecided or _is_made(lead, referral.id)):
        return lead
    return task.opportunity


def _is_made(lead: Task, referral_id: str) -> bool:
    """Whether an accepted lead has its record already: it was made, and the process died before the two were tied."""
    try:
        return lead.records.find(referral_id) is not None
    except LeadsUnready:
        return False
