"""How a message begins: which deal it is about, and what of it is read before anything is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.deal import HELP
from shared.decide.deal import GONE, UNREAD, Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import Known, NotOurs
from shared.decide.unlinked import ties
from shared.errors import AccessDenied
from shared.ledger.drawers import own_half
from shared.ledger.model import DueKind
from shared.link import Link, LinkState
from shared.orders import Order
from shared.partner_center.port import Engagement, Referral
from shared.problems import Problem
from shared.queue.message import PARTNER_CENTER, RETRY, DealMessage
from shared.sync import microsofts_half, strangers
from shared.sync.believed import believed
from shared.sync.observe import Observer, seen_record, seen_referral
from shared.sync.recognize import recognize
from shared.sync.task import Task

ASKED = "asked"
"""The reason of a message by which a person has a deal looked at again: both sides are read anew."""

CUSTOMER = "customer"
"""The reason of a message about a record whose account or contact was edited: both sides are read anew."""

_NOT_FROM_US = ("sweep", "mapping", RETRY)


def find_link(task: Task, message: DealMessage) -> Link | None:
    """Return the link of a message's deal, as far as the message leads to it."""
    if message.source != PARTNER_CENTER and not (message.order and message.referral_id):
        return _link_of_record(task, message)
    referral_id, related = str(message.referral_id), message.is_related
    if related:
        return _link_of_half(task, referral_id) or task.links.of_referral(referral_id)
    link = task.links.of_referral(referral_id)
    # A row that the event calls ours leads to no other one; were it wrong, the row itself would say so.
    return link or (_link_of_half(task, referral_id) if related is None else None)


def _link_of_half(task: Task, referral_id: str) -> Link | None:
    """Return the link of the deal to which another organization's row is known to lead."""
    own_id = task.drawers.read(own_half(referral_id)).value
    return task.links.of_referral(own_id) if own_id else None


def _link_of_record(task: Task, message: DealMessage) -> Link | None:
    key = task.key(str(message.record_id))
    columns = (message.observed or {}).get("columns")
    identifier = task.field_map.columns.referral_identifier
    referral_id = columns.get(identifier) if isinstance(columns, dict) else None
    if referral_id:
        link = task.links.of_referral(str(referral_id))
        if ties(link) and link.record == key:
            return link  # One that ties nothing may name a record that is another deal's by now.
    return task.links.of_record(key)


class Beginning:
    """The deal as its message shows it.

    `held` are fields that a side refused; with `carried`, another record may carry the identifier.
    """

    def __init__(
        self, task: Task, message: DealMessage, observer: Observer, held: dict[str, Problem], *, carried: bool
    ) -> None:
        self._task = task
        self._message = message
        self._observer = observer
        self._held = held
        self._carried = carried

    def begin(self, link: Link | None) -> tuple[Deal, Known | NotOurs | None]:
        """Return the deal with the side that the message is about, and the decision where there is one already.

        Raises the families.
        """
        if known := recognize(self._message, link):
            return self._deal(link), known
        if self._message.order and self._message.order is not Order.CREATE:
            return self._ordered(link, self._message.order), None
        from_partner_center = self._message.source == PARTNER_CENTER
        begun = self._from_partner_center(link) if from_partner_center else self._from_crm(link)
        return (begun, None) if isinstance(begun, Deal) else (self._deal(link), begun)

    def _deal(self, link: Link | None) -> Deal:
        return Deal(
            self._task.clock.now(),
            "referral" if self._message.source == PARTNER_CENTER else "record",
            link,
            carrier=UNREAD if self._carried else GONE,
            held=self._held,
            anyway=self._message.order is Order.CREATE,
            customer=self._customer() if self._message.reason == CUSTOMER else None,
        )

    def _customer(self) -> str:
        """Return the mark that the message brings; without one, as after a failure, the next edit is looked at anew."""
        return str((self._message.observed or {}).get("beside") or "")

    def _ordered(self, link: Link | None, order: Order) -> Deal:
        """A person ordered something: what it takes is read afresh."""
        deal = replace(self._deal(link), starts_at="referral", order=order, carrier=GONE)
        if order is not Order.LINK:
            return deal
        named = self._task.key(str(self._message.record_id))
        return replace(deal, ordered=named, referral=self._observer.read_referral(str(self._message.referral_id)))

    # --- "Partner Center says: look at this referral" --------------------------------------------------------------

    def _from_partner_center(self, link: Link | None) -> Deal | Known | NotOurs:
        if self._message.reason == microsofts_half.REASON and link:
            return self._with_both_halves(link)
        if link is None and strangers.is_one(self._task, self._message):
            return NotOurs()
        begun = self._of_engagement(link) or self._looked_at(link)
        if isinstance(begun, NotOurs):
            strangers.note(self._task, self._message)
        return begun

    def _of_engagement(self, link: Link | None) -> Deal | None:
        """Return the deal to which another organization's row is known to lead: one read tells of both.

        None where the row is ours, or not in the engagement's list yet.
        """
        named = str(self._message.referral_id)
        if link is None or link.referral_id == named or not link.engagement_id:
            return None
        engagement = self._task.partner_center.engagement(link.engagement_id)
        related, own = engagement.row(named), engagement.row(link.referral_id)
        return self._with_related(link, own, related.changed_at, engagement) if related and own else None

    def _looked_at(self, link: Link | None) -> Deal | Known | NotOurs:
        try:
            found = self._observer.read_referral(str(self._message.referral_id))
        except AccessDenied:
            if link or self._message.reason in _NOT_FROM_US:
                raise
            return NotOurs()  # An event may name any row of the world; our own rows are found by the sweep.
        if found is GONE:
            if link is None:
                return NotOurs()
            # What is gone may be another organization's row of the engagement.
            own_is_gone = link.referral_id == self._message.referral_id
            return replace(self._deal(link), referral=GONE) if own_is_gone else Known("a related row is gone")
        assert isinstance(found, ReferralSeen)  # noqa: S101 - what is read is there, or gone
        if not found.ours:
            return self._from_related(link, found)
        deal = replace(self._deal(self._with_event(link, found)), referral=found)
        if not microsofts_half.takes_part(link, found):
            return deal
        own = Referral(found.body or {})
        return self._with_microsoft(deal, own, self._task.partner_center.engagement(found.engagement_id))

    def _from_related(self, link: Link | None, related: ReferralSeen) -> Deal | Known | NotOurs:
        """Another organization's row changed. Where the ledger knows its engagement, it leads to ours.

        `link` is the one to which the row led, if it did. A referral of ours that is not known yet is found by its own
        event, or by the sweep. What another partner's row says is not the deal's; Microsoft's half is read with ours.
        """
        task = self._task
        known = link or task.links.of_engagement(related.engagement_id)
        if known is None or known.referral_id == related.id:
            return NotOurs()
        if not Referral(related.body or {}).is_microsofts:
            task.drawers.change(own_half(related.id), lambda _held: known.referral_id)
            return Known("another partner's row")
        engagement = task.partner_center.engagement(related.engagement_id)
        own = self._own_row(engagement)
        if own is None:
            return NotOurs()
        if link is None or link.referral_id != own.id:
            task.drawers.change(own_half(related.id), lambda _held: own.id)
            link = task.links.of_referral(own.id)
        return self._with_related(link, own, related.changed_at, engagement)

    def _with_related(
        self, link: Link | None, own: Referral, changed_at: datetime | None, engagement: Engagement
    ) -> Deal:
        if link:
            seen = seen_referral(self._task, own)
            link = replace(self._with_event(link, seen) or link, related_changed_at=changed_at)
        return self._with_microsoft(self._deal(link), own, engagement)

    def _own_row(self, engagement: Engagement) -> Referral | None:
        ours = [row for row in engagement.rows if self._task.organization.owns(row)]
        linked = [row for row in ours if self._task.links.of_referral(row.id)] if len(ours) > 1 else ours
        return next(iter(linked or ours), None)

    def _with_both_halves(self, link: Link) -> Deal:
        engagement = self._task.partner_center.engagement(link.engagement_id)
        own = engagement.row(link.referral_id)
        if own is None:
            return replace(self._deal(link), referral=self._observer.read_referral(link.referral_id))
        if own.closed:
            self._task.agenda.drop(DueKind.MICROSOFT, link.referral_id)
        else:
            self._task.agenda.put(microsofts_half.next_look(self._task, link))
        return self._with_microsoft(self._deal(link), own, engagement)

    def _with_microsoft(self, deal: Deal, own: Referral, engagement: Engagement) -> Deal:
        """Return the deal with our row, as far as only Microsoft's tells it too, and with Microsoft's half."""
        theirs, task = engagement.microsoft, self._task
        if theirs is None:
            return replace(deal, referral=seen_referral(task, own), microsoft=None)
        half = microsofts_half.read_half(task.field_map, theirs, own)
        seen = seen_referral(task, microsofts_half.with_microsofts(own, theirs))
        if half.help and seen.fields.get(HELP) is None:
            seen = replace(seen, fields={**seen.fields, HELP: half.help})
        return replace(deal, referral=seen, microsoft=half)

    def _with_event(self, link: Link | None, seen: ReferralSeen) -> Link | None:
        """Return the link with the change that the event announced, so that its duplicates cost no call.

        Everything up to the referral's own moment is known. The event's may be wrong, and much later: it is only
        known again when it is the same, and hides nothing that comes after.
        """
        if link is None:
            return None
        changed_at = max(filter(None, (seen.changed_at, link.referral_changed_at)))
        return replace(link, referral_changed_at=changed_at, event_at=self._message.changed_at or link.event_at)

    # --- "the CRM says: look at this record" -----------------------------------------------------------------------

    def _from_crm(self, link: Link | None) -> Deal | Known:
        observed = self._message.observed or {}
        if observed.get("deleted"):
            return replace(self._deal(link), record=GONE) if link else Known("unknown record")
        if link is None and self._is_own_echo():
            return Known("our own write")
        record = believed(self._task, self._message, link)
        seen = seen_record(self._task, record) if record else self._observer.read_record(str(self._message.record_id))
        if seen is GONE and link is None:
            return Known("unknown record")
        deal = replace(self._deal(link), record=seen)
        asked = self._message.reason in (ASKED, CUSTOMER)
        if link and isinstance(seen, RecordSeen) and not asked and self._is_as_left(link, seen):
            return Known("our own write")
        if link and link.state is not LinkState.LINKED:
            deal = replace(deal, link=replace(link, settled=False))
        return deal

    def _is_own_echo(self) -> bool:
        """Whether the row is as we left it when we wrote on it why it cannot be shared.

        Only the change feed brings our own write back; a retry looks at the same version on purpose.
        """
        version = (self._message.observed or {}).get("version")
        if not version:
            return False
        parked = self._task.agenda.of(DueKind.PARKED, self._task.key(str(self._message.record_id)).deal)
        return bool(parked and parked.record_version == version)

    def _is_as_left(self, link: Link, seen: RecordSeen) -> bool:
        current = link.settled and link.mapping_version == self._task.field_map.version
        linked = link.state is LinkState.LINKED and link.closing is None
        same = bool(link.record_version) and seen.version == link.record_version
        return linked and current and same and self._sells_as_agreed(link, seen)

    def _sells_as_agreed(self, link: Link, seen: RecordSeen) -> bool:
        """Whether solutions in rows of their own, which no version tells of, are those that were agreed, or none."""
        row = self._task.field_map.in_rows
        return row is None or seen.fields.get(row.name) in ((), link.base.get(row.name))
