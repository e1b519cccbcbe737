"""Everything that the ledger holds of one deal, as JSON data."""

from __future__ import annotations

import json
from collections.abc import Iterator

from shared.deal import RecordKey
from shared.ledger import serialize
from shared.ledger.drawers import Drawers
from shared.ledger.drawers import text as drawer
from shared.ledger.model import DueKind
from shared.ledger.port import DealLedger
from shared.link import Link
from shared.sync.shadow import kind_of_shadows

Data = dict[str, object]

EVERY = 1_000_000
"""More entries than a deal's audit has."""


def of_deal(crm: str, part: DealLedger, drawers: Drawers, wanted: str) -> Iterator[Data]:
    """Yield what there is of the deal with this referral id or record id in one CRM's part. Raises the families."""
    link = part.links.of_referral(wanted.lower()) or _of_record(part, wanted)
    if link:
        yield _whole(crm, part, drawers, link.referral_id, link)
    for key in _keys_without_link(part, wanted):
        if link is None or key != link.referral_id:
            yield _whole(crm, part, drawers, key, None)


def _of_record(part: DealLedger, record_id: str) -> Link | None:
    """Return the link of a record whose table is not known: every link is looked at."""
    return next((link for link in part.links.all() if link.record_id.lower() == record_id.lower()), None)


def _keys_without_link(part: DealLedger, wanted: str) -> Iterator[str]:
    """Yield the keys of what was noted of a record before it had a referral, or of a referral in a dry run."""
    seen: set[str] = set()
    for key, _ in part.audit.all():
        if wanted.lower() in (key.lower(), key.partition(":")[2].lower()) and key not in seen:
            seen.add(key)
            yield key


def _whole(crm: str, part: DealLedger, drawers: Drawers, key: str, link: Link | None) -> Data:
    record = link.record if link else _record(crm, key)
    intent = part.intents.of(record) if record else None
    due = (part.agenda.of(kind, each) for kind in DueKind for each in {key, record.deal if record else key})
    return {
        "crm": crm,
        "key": key,
        "link": json.loads(serialize.dump_link(link)) if link else None,
        "audit": [json.loads(serialize.dump_entry(each)) for each in part.audit.of(key, EVERY)],
        "agenda": [json.loads(serialize.dump_due(each)) for each in due if each],
        "intent": json.loads(serialize.dump_intent(intent)) if intent else None,
        "drawers": dict(_drawers(drawers, crm, key, record)),
    }


def _record(crm: str, key: str) -> RecordKey | None:
    table, colon, record_id = key.partition(":")
    return RecordKey(crm, table, record_id) if colon else None


def _drawers(drawers: Drawers, crm: str, key: str, record: RecordKey | None) -> Iterator[tuple[str, str]]:
    """Yield the deal's own drawers: a copy that was refused or released, what its record was made of, and the rest."""
    if learned := drawers.read(drawer(kind_of_shadows(crm), key)).value:
        yield kind_of_shadows(crm), learned
    if record and (copy := drawers.read(drawer("copy", f"{crm}:{record.deal}")).value):
        yield "copy", copy
    if record and (made := drawers.read(drawer("made", f"{crm}:{record.deal}")).value):
        yield "made", made
    for name, own in drawers.all(lambda name: drawer("related", name), "related"):
        if own == key:
            yield f"related:{name}", own
