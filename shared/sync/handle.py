"""One message from recognizing it to the outcome: recognize, observe, decide, perform."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.decide.decisions import CreateRecord, Decision, agreement
from shared.errors import AlreadyExists, DataError, GoneError, StaleError
from shared.link import Link
from shared.problems import Problem
from shared.queue.message import PARTNER_CENTER, RETRY, DealMessage
from shared.sync.begin import ASKED, CUSTOMER, Beginning, find_link
from shared.sync.binding import bind
from shared.sync.observe import Observer
from shared.sync.outcome import Outcome
from shared.sync.perform import perform
from shared.sync.perform.written import Written
from shared.sync.task import Task

ROUNDS = 3
"""How often one message observes and decides again before the deal is parked."""


_CREATED = (Outcome.RECORD_CREATED, Outcome.REFERRAL_CREATED)


@dataclass(frozen=True)
class Handled:
    """What handling a message came to.

    `healed`: the deal was not in order before, and is now. `behind`: values of it stay behind. `unseen`: what a person
    must decide, and the locked record cannot show. `wrote`: the side that the message did not come from was written.
    `before` and `after`: the link around the commit, where there was one.
    """

    outcome: Outcome
    referral_id: str | None
    healed: bool
    behind: bool
    unseen: str = ""
    wrote: bool = False
    before: Link | None = None
    after: Link | None = None


def handle(task: Task, message: DealMessage) -> Handled:
    """Bring the message's deal into agreement.

    A stale answer starts over: nothing of an earlier round is believed but what was written, and what a side refused.
    Raises StaleError only when the deal kept moving for every round, and the families.
    """
    written, held, carried = Written(), dict[str, Problem](), False
    bound = task
    for remaining in reversed(range(ROUNDS)):
        observer = Observer(task, trusting=_trusts(message) and remaining == ROUNDS - 1 and not held)
        decision: Decision | None = None
        try:
            link = find_link(task, message)
            deal, decision = Beginning(task, message, observer, held, carried=carried).begin(link)
            bound, deal, decision = bind(task, deal, decision)
            if decision is None:
                deal, decision = Observer(bound, trusting=observer.trusting).decide(deal)
            outcome = perform(bound, deal, decision, written)
        except (StaleError, GoneError) as error:
            # What is gone is met again by reading it, and then its link knows.
            if not remaining:
                raise
            carried = carried or isinstance(error, AlreadyExists)
            message = replace(message, observed=None)
            task.clock.sleep(task.random.uniform(0, 0.5))
        except DataError as error:
            refused = _refused_fields(bound, decision, error)
            if not remaining or not refused.keys() - held.keys():
                raise
            held |= refused
            message = replace(message, observed=None)
        else:
            return _handled(message, link, outcome, written)
    raise AssertionError("every round returns or raises")


def _handled(message: DealMessage, link: Link | None, outcome: Outcome, written: Written) -> Handled:
    wrote = bool(written.received if message.source == PARTNER_CENTER else written.sent) or outcome in _CREATED
    before, after = written.before, written.after
    known = after or link
    referral_id = known.referral_id if known else None
    return Handled(outcome, referral_id, written.healed, written.behind, written.unseen, wrote, before, after)


def _trusts(message: DealMessage) -> bool:
    """Whether a side that nobody said changed may be remembered: who asks, and what failed, wants both sides read."""
    return message.order is None and message.reason not in (ASKED, CUSTOMER, RETRY)


def _refused_fields(task: Task, decision: Decision | None, error: DataError) -> dict[str, Problem]:
    """Return the fields whose values a side just refused by name; empty when the refusal is about more."""
    writes = decision is not None and (agreement(decision) or isinstance(decision, CreateRecord))
    return task.field_map.fields_of(error.problems) if writes else {}
