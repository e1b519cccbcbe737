"""decide(): what is to be done with a deal. Pure, total, and the only place where it is decided.

A deal is looked at piece by piece, since most of it need not be read: `decide` returns a decision, or the next piece
that it needs. Sync, dry run, preview and the simulation differ only in what they do with the decision.
"""

from __future__ import annotations

from shared.decide.deal import Deal, FieldMap, Need, Policy
from shared.decide.decisions import Decision
from shared.decide.linked import decide_linked
from shared.decide.unlinked import decide_record, decide_referral
from shared.link import LinkState


def decide(deal: Deal, field_map: FieldMap, policy: Policy) -> Decision | Need:
    """Return what is to be done with a deal, or what must be read before that can be said."""
    if deal.link and deal.link.state is not LinkState.IGNORED:
        return decide_linked(deal, deal.link, field_map, policy)
    if deal.starts_at == "referral":
        return decide_referral(deal, field_map, policy)
    return decide_record(deal, field_map, policy)
