"""What a new referral takes besides the record, looked at before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.crm.port import RelatedRows
from shared.deal import identifier_in
from shared.decide.deal import RecordSeen, Sharing
from shared.decide.masks import is_mask, looks_masked
from shared.decide.planning import MASKED
from shared.errors import DataError, StaleError
from shared.ledger import audit
from shared.partner_center.new_referral import NewDeal, read_deal, with_people
from shared.problems import problem
from shared.sync.task import Task


@dataclass(frozen=True)
class Rows:
    """The deal as it will be created, and the rows that it was made of."""

    related: RelatedRows
    deal: NewDeal


def look_around(task: Task, record: RecordSeen) -> Sharing:
    """Read the rows around a record, and hold them against what Partner Center asks of a new deal.

    Raises GoneError when the record was deleted meanwhile, StaleError when it was tied or its Sync switched off, and
    the families.
    """
    related = task.records.related(record.key.id)
    if identifier_in(related.identifier) != record.identifier:
        # What the change feed told of it is older than what another worker wrote: it is no copy for that.
        raise StaleError("the record was tied meanwhile")
    if not related.switched_on:
        # Nothing takes a referral back that is made on an older word of the seller's.
        raise StaleError("the record's Sync was switched off meanwhile")
    ours, _ = audit.parted(related.audit)
    travelled = audit.tells_of_travel(ours)
    try:
        deal = read_deal(task.field_map, record.fields, related.account, related.contact, related.owner)
    except DataError as error:
        return Sharing(error.problems, travelled)
    deal = replace(deal, notes_for_microsoft=related.notes_for_microsoft)
    file = task.field_map.file
    colleagues, contacts = file.our_team == "sales_team", file.customer_team == "all"
    if colleagues or contacts:
        found = task.records.involved(record.key.id, colleagues=colleagues, contacts=contacts)
        deal = with_people(task.field_map, deal, found.colleagues, found.contacts)
    parts = [deal.fields, deal.customer, deal.contact or {}, deal.owner or {}, *deal.colleagues, *deal.contacts]
    values = [(name, value) for part in parts for name, value in part.items()]
    if any(looks_masked(value) for _, value in values):
        task.records.check_readable()
    masked = tuple(problem(MASKED, name, side="crm") for name, value in values if is_mask(value))
    return Sharing(masked, travelled, Rows(related, deal))
