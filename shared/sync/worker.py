"""One message from the queue to its outcome: what a failure means for the deal, the seller and the alert."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.alerts import Alerts
from shared.choices import CrmAudit
from shared.crm.port import PartlyWritten, Record
from shared.errors import (
    AllowanceSpent,
    CosellError,
    DataError,
    Deferred,
    FatalError,
    GoneError,
    RetriableError,
    StaleError,
)
from shared.ledger import audit as trail
from shared.ledger.port import Link, Parked
from shared.queue.message import PARTNER_CENTER, DealMessage
from shared.queue.port import DealQueue
from shared.sync.sync_deal import SyncDeal
from shared.sync.task import Ports

log = logging.getLogger(__name__)

RETRY = "retry"
"""The reason of a message that resumes a parked deal."""

WORKER = "worker {}"
"""Who raises the alerts of a CRM's deals that wait for an administrator."""

POLL = "poll {}"
"""Who raises the alerts of a CRM that cannot be polled; the first poll that works clears them."""

_FATAL_PAUSE = timedelta(minutes=10)
_DATA_PAUSE = timedelta(hours=24)
_FIRST_PAUSE = 30.0
_LONGEST_PAUSE = 3600.0
_SOON = 900.0
"""Pauses up to this many seconds are also put on the queue; longer ones wait for the Reconciler."""


@dataclass(frozen=True)
class Work:
    """Handles queue messages for every configured CRM. Only bugs of ours leave `run` as exceptions."""

    ports: Mapping[str, Ports]
    alerts: Alerts
    random: random.Random
    queue: DealQueue

    def run(self, text: str) -> None:
        """Handle one queue message, for each CRM on its own.

        While a CRM's mapping cannot be used its messages go back on the queue. Raises ValueError for a text that is not
        a deal message.
        """
        message = DealMessage.load(text)
        for name in self._concerned(message):
            try:
                ports = self.ports[name]
            except KeyError:
                log.warning("message for a CRM that is not configured", extra={"source": message.source})
                continue
            except FatalError as error:
                self.alerts.alert(WORKER.format(name), str(error))
                # There is nothing to park it with: without its mapping nobody knows this CRM.
                self.queue.send(replace(message, crm=name).dump(), delay=_FATAL_PAUSE.total_seconds())
                continue
            self._run_for(ports, message)

    def _concerned(self, message: DealMessage) -> Iterable[str]:
        if message.crm:
            return [message.crm]
        return self.ports if message.source == PARTNER_CENTER else [message.source]

    def _run_for(self, ports: Ports, message: DealMessage) -> None:
        try:
            outcome = SyncDeal(ports).handle(message)
        except Deferred as error:
            ports.queue.send(_again(ports, message).dump(), delay=error.retry_after or 0)
            return
        except PartlyWritten as partly:
            # What is shown on the record is guarded by the version that the finished part of the write produced.
            self._set_aside(ports, replace(message, observed={"version": partly.record.version}), partly.cause)
            return
        except CosellError as error:
            self._set_aside(ports, message, error)
            return
        if message.reason == RETRY:
            ports.ledger.unpark(ports.crm.name, _key(message))
            self.alerts.clear(_deal(ports, message))
        log.info("deal handled: %s", outcome, extra=_ids(message))

    def _set_aside(self, ports: Ports, message: DealMessage, error: CosellError) -> None:
        log.warning("deal set aside: %s", _for_the_log(error), extra=_ids(message) | {"family": error.family})
        if isinstance(error, FatalError):
            self.alerts.alert(WORKER.format(ports.crm.name), str(error))
        elif isinstance(error, AllowanceSpent):
            # Polling takes calls too: when a poll works again, so does everything else.
            self.alerts.alert(POLL.format(ports.crm.name), str(error))
        elif isinstance(error, DataError) and _link(ports, message) is None and not message.record_id:
            # There is no record on which a seller could read it, and an undecided invitation expires.
            text = f"referral {message.referral_id} cannot be brought to the CRM. {error}"
            self.alerts.alert(_deal(ports, message), text)
        key = _key(message)
        held = ports.ledger.parked(ports.crm.name, key)
        attempts = held.attempts + 1 if held else 1
        pause = self._pause(error, attempts)
        version = self._show(ports, message, error, told=held is not None and held.reason == str(error))
        again = replace(_again(ports, message), reason=RETRY)
        ports.ledger.park(
            Parked(
                ports.crm.name,
                key,
                error.family,
                str(error),
                ports.clock.now() + timedelta(seconds=pause),
                attempts,
                again.dump(),
                record_version=version or (held.record_version if held else None),
            )
        )
        if isinstance(error, (RetriableError, StaleError)) and pause <= _SOON:
            ports.queue.send(again.dump(), delay=pause)

    def _pause(self, error: CosellError, attempts: int) -> float:
        if isinstance(error, (DataError, GoneError)):
            return _DATA_PAUSE.total_seconds()
        if isinstance(error, FatalError):
            return _FATAL_PAUSE.total_seconds()
        if isinstance(error, RetriableError) and error.retry_after is not None:
            return error.retry_after + self.random.uniform(0, 2)
        grown = min(_FIRST_PAUSE * 2.0 ** (attempts - 1), _LONGEST_PAUSE)
        return self.random.uniform(grown / 2, grown)

    def _show(self, ports: Ports, message: DealMessage, error: CosellError, *, told: bool) -> str | None:
        """Tell the seller on the record what happened; returns the version of an unlinked record after that."""
        if ports.crm_audit is CrmAudit.OFF or ports.dry_run:
            return None
        try:
            return self._show_on_record(ports, message, error, told=told)
        except CosellError as second:
            # The record cannot be reached now. The reason is parked and logged; the next attempt shows it.
            log.warning("status not shown: %s", _for_the_log(second), extra=_ids(message))
            return None

    def _show_on_record(self, ports: Ports, message: DealMessage, error: CosellError, *, told: bool) -> str | None:
        status = trail.attention(str(error)) if isinstance(error, DataError) else trail.pending(_plainly(error))
        link = _link(ports, message)
        record_id = link.record_id if link else message.record_id
        if not record_id or (link.status_shown == status if link else told):
            return None
        key = link.referral_id if link else record_id
        now = ports.clock.now()
        entry = trail.entry(key, now, trail.BOTH, f"failed: {error}", correlation_id=message.correlation_id)
        shown = replace(
            link or Link(ports.crm.name, key, record_id),
            status_shown=status,
            audit_tail=trail.extend_tail(link.audit_tail if link else (), [entry]),
        )
        # Guarded by the version that failed: when the seller has edited since, that edit is looked at instead. Without
        # one the write is not remembered as ours, so that nothing it may cover is taken for an echo.
        version = (message.observed or {}).get("version") or (link.record_version if link else None)
        guard = str(version) if version else None
        written = ports.crm.update(Record(record_id, guard, {}, now), trail.trail_columns(ports.field_map, shown))
        produced = written.version if guard else None
        if link is None:
            ports.ledger.note(ports.crm.name, key, entry)
            return produced
        # What failed is still different, so what the link remembers is not what the sides hold.
        ports.ledger.commit(replace(shown, settled=False, record_version=produced), [entry])
        return None


def _link(ports: Ports, message: DealMessage) -> Link | None:
    if message.referral_id:
        return ports.ledger.link(ports.crm.name, message.referral_id)
    return ports.ledger.link_of_record(ports.crm.name, str(message.record_id))


def _key(message: DealMessage) -> str:
    return str(message.referral_id or message.record_id)


def _deal(ports: Ports, message: DealMessage) -> str:
    return f"{ports.crm.name} deal {_key(message)}"


def _again(ports: Ports, message: DealMessage) -> DealMessage:
    """Return the message for later, to this CRM alone: the others have handled theirs."""
    return replace(message, observed=None, crm=ports.crm.name)


def _ids(message: DealMessage) -> dict[str, object]:
    return {
        "referral_id": message.referral_id,
        "record_id": message.record_id,
        "correlation_id": message.correlation_id,
        "reason": message.reason,
    }


def _for_the_log(error: CosellError) -> str:
    """Return what may be logged: never a value, which may be a person's."""
    if isinstance(error, DataError):
        return f"DataError in {', '.join(problem.field for problem in error.problems)}"
    return f"{type(error).__name__}: {error}"


def _plainly(error: CosellError) -> str:
    if isinstance(error, FatalError):
        return "waiting for an administrator, who has been told"
    return "a service is not answering; it is tried again by itself"
