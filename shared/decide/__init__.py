"""decide(): what is to be done with a deal. Pure, total, and the only place where it is decided.

A deal is looked at piece by piece, since most of it need not be read: `decide` returns a decision, or the next piece
that it needs. Sync, dry run, preview and the simulation differ only in what they do with the decision.
"""

from __future__ import annotations

from dataclasses import replace

from shared.decide.deal import Deal, FieldMap, Need, Policy
from shared.decide.decisions import Decision, Known
from shared.decide.linked import decide_linked
from shared.decide.ordered import obey
from shared.decide.unlinked import decide_record, decide_referral
from shared.link import RESTING, LinkState
from shared.orders import Order


def decide(deal: Deal, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """Return what is to be done with a deal, or what must be read before that can be said."""
    if deal.order:
        return decide_order(deal, deal.order, field_map, policy)
    if deal.link and deal.link.state in RESTING:
        return Known(f"{deal.link.state} by a person")
    return _decide(deal, field_map, policy)


def decide_order(deal: Deal, order: Order, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """Return what an order comes to. To resume a deal is to decide about it as if it had never been stopped."""
    link = deal.link
    if order is not Order.RESUME:
        return obey(deal, order, field_map, policy)
    if link is None or link.state is not LinkState.STOPPED:
        return Known("not stopped")
    resumed = replace(link, state=LinkState.LINKED, settled=False)
    return _decide(replace(deal, link=resumed, order=None), field_map, policy)


def _decide(deal: Deal, field_map: FieldMap, policy: Policy) -> Decision | Need:
    if deal.link and deal.link.state is not LinkState.IGNORED:
        return decide_linked(deal, deal.link, field_map, policy)
    if deal.starts_at == "referral":
        return decide_referral(deal, field_map, policy)
    return decide_record(deal, field_map, policy)
