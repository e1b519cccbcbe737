"""The worker's use case: take one message, and leave its deal in agreement, parked with a reason, or known as done."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from shared.crm.port import Record
from shared.errors import GoneError, StaleError
from shared.ledger import audit as trail
from shared.ledger.port import Link, LinkState
from shared.lifecycle import TERMINAL
from shared.partner_center.new_referral import MICROSOFT
from shared.partner_center.port import Referral
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync.agree import (
    Agreement,
    RecordSeen,
    ReferralSeen,
    observed_record,
    observed_referral,
    remembered_record,
    remembered_referral,
    remembers,
)
from shared.sync.create_record import adopt, create_record
from shared.sync.create_referral import create_referral
from shared.sync.task import Ports

log = logging.getLogger(__name__)

ROUNDS = 3
"""How often one message observes and plans again before the deal is parked."""

CLOCK_MARGIN = timedelta(seconds=5)
"""How far the clocks of two of our own instances may differ."""


class SyncDeal:
    """Handles one message for one CRM. A stale answer starts over, with nothing remembered and nothing believed."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self._attempt: Agreement
        self._fresh = False

    def handle(self, message: DealMessage) -> str:
        """Bring the message's deal into agreement; returns what was done, in a word or two, for the log.

        Raises the families of shared.errors; StaleError only when the deal kept moving for every round.
        """
        self._attempt = Agreement(self.ports, message.correlation_id)
        for remaining in reversed(range(ROUNDS)):
            try:
                return self._once(message)
            except StaleError:
                if not remaining:
                    raise
                self._fresh = True
                message = replace(message, observed=None)
                self.ports.clock.sleep(self.ports.random.uniform(0, 0.5))
        raise AssertionError("unreachable")

    def _once(self, message: DealMessage) -> str:
        if message.source == PARTNER_CENTER:
            return self._from_partner_center(message)
        return self._from_crm(message)

    # --- "Partner Center says: look at this referral" --------------------------------------------------------------

    def _from_partner_center(self, message: DealMessage) -> str:
        ports = self.ports
        referral_id = str(message.referral_id)
        link = self._link_of_referral(referral_id)
        if link and self._event_is_known(link, message.observed):
            return "already seen"
        try:
            referral = ports.partner_center.read(referral_id)
        except GoneError:
            return self._orphan(link, "the referral no longer exists in Partner Center") if link else "unknown referral"
        if referral.organization_id == MICROSOFT:
            return self._from_related(referral, message)
        return self._with_referral(referral, link, message)

    def _from_related(self, related: Referral, message: DealMessage) -> str:
        """Microsoft's row changed: look at ours, with what only Microsoft's tells filled in."""
        own = self._own_row(related)
        if own is None:
            return "no referral of ours in this engagement"
        stored = self.ports.ledger.value("related", related.id)
        if stored.value != own.id:
            self.ports.ledger.replace_value("related", related.id, own.id, stored)
        link = self.ports.ledger.link(self.ports.crm.name, own.id)
        outcome = self._with_referral(_with_microsoft_id(own, related), link, message)
        link = self.ports.ledger.link(self.ports.crm.name, own.id)
        if link and link.related_changed_at != related.changed_at:
            self.ports.ledger.commit(replace(link, related_changed_at=related.changed_at), [])
        return outcome

    def _own_row(self, related: Referral) -> Referral | None:
        rows = [
            row
            for row in self.ports.partner_center.engagement(related.engagement_id)
            if row.organization_id != MICROSOFT
        ]
        linked = [row for row in rows if self.ports.ledger.link(self.ports.crm.name, row.id)] if len(rows) > 1 else rows
        return next(iter(linked or rows), None)

    def _link_of_referral(self, referral_id: str) -> Link | None:
        link = self.ports.ledger.link(self.ports.crm.name, referral_id)
        if link is None:
            own_id = self.ports.ledger.value("related", referral_id).value
            link = self.ports.ledger.link(self.ports.crm.name, own_id) if own_id else None
        return link

    def _event_is_known(self, link: Link, observed: Mapping[str, object] | None) -> bool:
        moment = _event_moment(observed)
        if moment is None:
            return False
        related = bool(observed and observed.get("related"))
        known = link.related_changed_at if related else link.referral_changed_at
        return moment == link.event_at or (known is not None and moment <= known)

    def _with_referral(self, referral: Referral, link: Link | None, message: DealMessage) -> str:
        if link is None or link.state is LinkState.IGNORED:
            made = create_record(self.ports, referral, link, message.correlation_id)
            return f"record {made.state}" if made else "dry run"
        if link.state is LinkState.PAUSED:
            return "paused by the seller"
        link = self._with_event(link, referral, message.observed)
        return self._agree(link, referral=referral)

    def _with_event(self, link: Link, referral: Referral, observed: Mapping[str, object] | None) -> Link:
        """Return the link knowing the change that the event told of, so that its duplicates cost no call.

        Everything up to the referral's own moment is known. The event's may be wrong, and much later: it is only
        known again when it is the same, and hides nothing that comes after.
        """
        changed_at = max(filter(None, (referral.changed_at, link.referral_changed_at)))
        return replace(link, referral_changed_at=changed_at, event_at=_event_moment(observed) or link.event_at)

    # --- "the CRM says: look at this record" -----------------------------------------------------------------------

    def _from_crm(self, message: DealMessage) -> str:
        observed = message.observed or {}
        record_id = str(message.record_id)
        if observed.get("deleted"):
            link = self.ports.ledger.link_of_record(self.ports.crm.name, record_id)
            return self._orphan(link, "the record was deleted in the CRM") if link else "unknown record"
        link = self._link_of_record(record_id, observed)
        if link and link.record_version and link.record_version == observed.get("version"):
            return "our own write"
        try:
            record = self._trusted(message, link) or self.ports.crm.read(record_id)
        except GoneError:
            return self._orphan(link, "the record was deleted in the CRM") if link else "unknown record"
        if link is None or link.state is LinkState.IGNORED:
            return self._unlinked_record(record, link, message)
        return self._linked_record(record, link)

    def _link_of_record(self, record_id: str, observed: Mapping[str, object]) -> Link | None:
        columns = observed.get("columns")
        referral_id = (
            columns.get(self.ports.field_map.columns.referral_identifier) if isinstance(columns, dict) else None
        )
        if referral_id:
            link = self.ports.ledger.link(self.ports.crm.name, str(referral_id))
            if link and link.record_id == record_id:
                return link
        return self.ports.ledger.link_of_record(self.ports.crm.name, record_id)

    def _trusted(self, message: DealMessage, link: Link | None) -> Record | None:
        """Return the record as the change feed had it, unless we have seen a newer state since.

        A message may be overtaken by another worker's write; planning with its old values would undo that write.
        Both moments are of our own clock, so they may be compared.
        """
        observed = message.observed or {}
        if not isinstance(observed.get("columns"), dict) or not observed.get("seen_at"):
            return None
        seen_at = datetime.fromisoformat(str(observed["seen_at"]))
        if link and link.record_seen_at and seen_at <= link.record_seen_at + CLOCK_MARGIN:
            return None
        version = observed.get("version")
        columns = observed["columns"]
        assert isinstance(columns, dict)  # noqa: S101 - narrows for the type checker
        return Record(str(message.record_id), str(version) if version else None, columns, seen_at)

    def _unlinked_record(self, record: Record, link: Link | None, message: DealMessage) -> str:
        ports = self.ports
        own = ports.field_map.columns
        referral_id = record.columns.get(own.referral_identifier)
        if not ports.field_map.record_qualifies(record.columns):
            return "not to be synchronized"
        parked = ports.ledger.parked(ports.crm.name, record.id)
        # Only the change feed brings our own write back; a retry looks at the same version on purpose.
        if parked and parked.record_version and parked.record_version == (message.observed or {}).get("version"):
            return "our own write"
        if referral_id:
            referral = ports.partner_center.read(str(referral_id))
            prior = ports.ledger.link(ports.crm.name, referral.id)
            etag = prior.etag if prior and prior.state is LinkState.IGNORED else None
            fresh = Link(ports.crm.name, referral.id, record.id, engagement_id=referral.engagement_id, etag=etag)
            adopt(ports, referral, link or fresh, record, message.correlation_id)
            return "linked"
        closed = ports.field_map.record_stage(record.columns) in TERMINAL
        if closed and not ports.ledger.intent(ports.crm.name, record.id):
            return "closed before it was shared"
        made = create_referral(ports, record, message.correlation_id)
        if parked and made:
            ports.ledger.unpark(ports.crm.name, record.id)
        return "referral created" if made else "dry run"

    def _linked_record(self, record: Record, link: Link) -> str:
        switched_on = bool(record.columns.get(self.ports.field_map.columns.sync))
        if not switched_on:
            return self._pause(link) if link.state is LinkState.LINKED else "paused by the seller"
        current = link.settled and link.mapping_version == self.ports.field_map.version
        if link.record_version and record.version == link.record_version and current:
            return "our own write"
        if link.state is not LinkState.LINKED:
            link = replace(link, settled=False)
        return self._agree(link, record=record)

    # --- agreeing --------------------------------------------------------------------------------------------------

    def _agree(self, link: Link, *, referral: Referral | None = None, record: Record | None = None) -> str:
        """Observe what the message did not bring, from memory when the link is sure of it, and reach agreement."""
        try:
            link_after = self._attempt.reach(link, self._referral(link, referral), self._record(link, record))
        except GoneError as error:
            return self._orphan(link, str(error))
        return "agreed" if link_after.etag != link.etag else "dry run"

    def _remembers(self, link: Link) -> bool:
        return not self._fresh and remembers(link, self.ports.field_map)

    def _referral(self, link: Link, read: Referral | None) -> ReferralSeen:
        if read is None and self._remembers(link):
            return remembered_referral(link)
        return observed_referral(read or self.ports.partner_center.read(link.referral_id), self.ports.field_map)

    def _record(self, link: Link, read: Record | None) -> RecordSeen:
        if read is None and self._remembers(link) and link.record_seen_at:
            record = Record(link.record_id, link.record_version, {}, link.record_seen_at)
            return remembered_record(link, self.ports.field_map, record)
        return observed_record(read or self.ports.crm.read(link.record_id), self.ports.field_map)

    # --- setting aside ---------------------------------------------------------------------------------------------

    def _pause(self, link: Link) -> str:
        return self._set_state(link, LinkState.PAUSED, "the seller switched Sync with Partner Center off")

    def _orphan(self, link: Link, reason: str) -> str:
        if link.state is LinkState.ORPHANED:
            return "orphaned"
        return self._set_state(link, LinkState.ORPHANED, f"{reason}; nothing is recreated or deleted")

    def _set_state(self, link: Link, state: LinkState, reason: str) -> str:
        entry = trail.entry(link.referral_id, self.ports.clock.now(), trail.BOTH, reason, mapping=self.ports.field_map)
        tail = trail.extend_tail(link.audit_tail, [entry])
        self.ports.ledger.commit(replace(link, state=state, settled=False, audit_tail=tail), [entry])
        return str(state)


def _event_moment(observed: Mapping[str, object] | None) -> datetime | None:
    changed_at = (observed or {}).get("changed_at")
    return datetime.fromisoformat(str(changed_at)) if changed_at else None


def _with_microsoft_id(own: Referral, related: Referral) -> Referral:
    """Return our row with Microsoft's CRM identifier, when only Microsoft's row tells it."""
    held, theirs = own.body.get("trackingInfo"), related.body.get("trackingInfo")
    held = dict(held) if isinstance(held, dict) else {}
    if held.get("microsoftMsxId") or not isinstance(theirs, dict):
        return own
    return Referral({**own.body, "trackingInfo": {**held, "microsoftMsxId": theirs.get("microsoftMsxId")}})
