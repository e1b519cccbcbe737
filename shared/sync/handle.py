"""One message from recognizing it to the outcome: recognize, observe, decide, perform."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.crm.port import Record
from shared.decide.deal import GONE, UNREAD, Deal, RecordSeen, ReferralSeen
from shared.decide.decisions import Adopt, Agree, AwaitUndo, CreateRecord, Decision, Known, NotOurs
from shared.errors import AccessDenied, AlreadyExists, DataError, GoneError, StaleError
from shared.ledger.drawers import own_half
from shared.ledger.model import DueKind
from shared.link import Link, LinkState
from shared.partner_center.port import Referral
from shared.problems import Problem
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.sync import microsofts_half
from shared.sync.observe import Observer, seen_record, seen_referral
from shared.sync.outcome import Outcome
from shared.sync.perform import perform
from shared.sync.perform.written import Written
from shared.sync.recognize import recognize
from shared.sync.task import Task

ROUNDS = 3
"""How often one message observes and decides again before the deal is parked."""

CLOCK_MARGIN = timedelta(seconds=5)
"""How far the clocks of two of our own instances may differ."""

_NOT_FROM_US = ("sweep", "mapping", "retry")


@dataclass(frozen=True)
class Handled:
    """What handling a message came to.

    `healed`: the deal was not in order before, and is now. `behind`: values of it stay behind. `unseen`: what a person
    must decide, and the locked record cannot show.
    """

    outcome: Outcome
    referral_id: str | None
    healed: bool
    behind: bool
    unseen: str = ""


def handle(task: Task, message: DealMessage) -> Handled:
    """Bring the message's deal into agreement.

    A stale answer starts over, with nothing remembered and nothing believed. Raises StaleError only when the deal
    kept moving for every round, and the families.
    """
    written, held, carried = Written(), dict[str, Problem](), False
    for remaining in reversed(range(ROUNDS)):
        attempt = _Attempt(task, message, written, held, carried=carried, first=remaining == ROUNDS - 1)
        try:
            outcome = attempt.run()
        except (StaleError, GoneError) as error:
            # What is gone is met again by reading it, and then its link knows.
            if not remaining:
                raise
            carried = carried or isinstance(error, AlreadyExists)
            message = replace(message, observed=None)
            task.clock.sleep(task.random.uniform(0, 0.5))
        except DataError as error:
            refused = attempt.refused_fields(error)
            if not remaining or not refused.keys() - held.keys():
                raise
            held |= refused
            message = replace(message, observed=None)
        else:
            return Handled(outcome, attempt.referral_id, written.healed, written.behind, written.unseen)
    raise AssertionError("every round returns or raises")


class _Attempt:
    """One round: nothing of an earlier one is believed but what was written, and what a side refused."""

    def __init__(
        self,
        task: Task,
        message: DealMessage,
        written: Written,
        held: dict[str, Problem],
        *,
        carried: bool,
        first: bool,
    ) -> None:
        self._task = task
        self._message = message
        self._written = written
        self._held = held
        self._carried = carried
        self._observer = Observer(task, trusting=first and not held)
        self._decision: Decision | None = None
        self.referral_id: str | None = None

    def run(self) -> Outcome:
        """Handle the message once."""
        link = self._link()
        self.referral_id = link.referral_id if link else None
        if known := recognize(self._message, link):
            return perform(self._task, self._deal(link), known, self._written)
        deal = self._begin(link)
        if isinstance(deal, (Known, NotOurs)):
            return perform(self._task, self._deal(link), deal, self._written)
        deal, decision = self._observer.decide(deal)
        self._decision = decision
        return perform(self._task, deal, decision, self._written)

    def refused_fields(self, error: DataError) -> dict[str, Problem]:
        """Return the fields whose values a side just refused by name; empty when the refusal is about more."""
        writes = isinstance(self._decision, (Agree, AwaitUndo, Adopt, CreateRecord))
        return self._task.field_map.fields_of(error.problems) if writes else {}

    # --- which deal ------------------------------------------------------------------------------------------------

    def _link(self) -> Link | None:
        message, links = self._message, self._task.links
        if message.source != PARTNER_CENTER:
            return self._link_of_record(str(message.record_id))
        referral_id = str(message.referral_id)
        link = links.of_referral(referral_id)
        if link is None:
            own_id = self._task.drawers.read(own_half(referral_id)).value
            link = links.of_referral(own_id) if own_id else None
        return link

    def _link_of_record(self, record_id: str) -> Link | None:
        key = self._task.key(record_id)
        columns = (self._message.observed or {}).get("columns")
        identifier = self._task.field_map.columns.referral_identifier
        referral_id = columns.get(identifier) if isinstance(columns, dict) else None
        if referral_id:
            link = self._task.links.of_referral(str(referral_id))
            if link and link.record == key:
                return link
        return self._task.links.of_record(key)

    def _deal(self, link: Link | None) -> Deal:
        return Deal(
            self._task.clock.now(),
            "referral" if self._message.source == PARTNER_CENTER else "record",
            link,
            carrier=UNREAD if self._carried else GONE,
            held=self._held,
        )

    def _begin(self, link: Link | None) -> Deal | Known | NotOurs:
        if self._message.source == PARTNER_CENTER:
            return self._from_partner_center(link)
        return self._from_crm(link)

    # --- "Partner Center says: look at this referral" --------------------------------------------------------------

    def _from_partner_center(self, link: Link | None) -> Deal | Known | NotOurs:
        if self._message.reason == microsofts_half.REASON and link:
            return self._with_both_halves(link)
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
        if found.ours:
            return replace(self._deal(self._with_event(link, found)), referral=found)
        return self._from_related(found)

    def _from_related(self, related: ReferralSeen) -> Deal | NotOurs:
        """Another organization's row changed: look at ours, with what only Microsoft's tells filled in."""
        task = self._task
        rows = list(task.partner_center.engagement(related.engagement_id))
        own = self._own_row(rows)
        if own is None:
            return NotOurs()
        if task.drawers.read(own_half(related.id)).value != own.id:
            task.drawers.change(own_half(related.id), lambda _held: own.id)
        link = task.links.of_referral(own.id)
        seen = self._complete(own, rows)
        if link:
            link = replace(self._with_event(link, seen) or link, related_changed_at=related.changed_at)
        return replace(self._deal(link), referral=seen)

    def _own_row(self, rows: list[Referral]) -> Referral | None:
        ours = [row for row in rows if self._task.organization.owns(row)]
        linked = [row for row in ours if self._task.links.of_referral(row.id)] if len(ours) > 1 else ours
        return next(iter(linked or ours), None)

    def _with_both_halves(self, link: Link) -> Deal:
        rows = list(self._task.partner_center.engagement(link.engagement_id))
        own = next((row for row in rows if row.id == link.referral_id), None)
        if own is None:
            return replace(self._deal(link), referral=self._observer.read_referral(link.referral_id))
        if not own.closed:
            microsofts_half.look_again_later(self._task, link)
        return replace(self._deal(link), referral=self._complete(own, rows))

    def _complete(self, own: Referral, rows: list[Referral]) -> ReferralSeen:
        for row in rows:
            if row.is_microsofts:
                own = microsofts_half.with_microsofts(own, row)
        return seen_referral(self._task, own)

    def _with_event(self, link: Link | None, seen: ReferralSeen) -> Link | None:
        """Return the link knowing the change that the event told of, so that its duplicates cost no call.

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
        record = self._trusted(link)
        seen = seen_record(self._task, record) if record else self._observer.read_record(str(self._message.record_id))
        if seen is GONE and link is None:
            return Known("unknown record")
        deal = replace(self._deal(link), record=seen)
        if link and isinstance(seen, RecordSeen) and self._is_as_left(link, seen):
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
        return bool(linked and current and link.record_version and seen.version == link.record_version)

    def _trusted(self, link: Link | None) -> Record | None:
        """Return the record as the change feed had it, unless we have seen a newer state since.

        A message may be overtaken by another worker's write; planning with its old values would undo that write.
        Both moments are of our own clock, so they may be compared.
        """
        observed = self._message.observed or {}
        columns = observed.get("columns")
        if not isinstance(columns, dict) or not observed.get("seen_at"):
            return None
        seen_at = datetime.fromisoformat(str(observed["seen_at"]))
        if link and link.record_seen_at and seen_at <= link.record_seen_at + CLOCK_MARGIN:
            return None
        version = observed.get("version")
        digits = observed.get("digits")
        return Record(
            str(self._message.record_id),
            str(version) if version else None,
            columns,
            seen_at,
            digits if isinstance(digits, dict) else {},
        )
