"""The differences that the ledger knows of: those that the worker left when it last looked at each deal. No call."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from shared.deal import STATUS
from shared.ledger.model import Due, DueKind
from shared.ledger.port import DealLedger
from shared.link import Link, LinkState
from shared.messages import LANGUAGES, Messages
from shared.messages.reasons import Reason
from shared.queue.message import DealMessage
from shared.status import StatusKind
from tools.admin.drift.rows import Kind, Row, of_link

KINDS = {
    Reason.NOT_SENT_TO_CRM: Kind.KEPT,
    Reason.NOT_SENT_TO_PARTNER_CENTER: Kind.KEPT,
    Reason.FROZEN: Kind.KEPT,
    Reason.HISTORICAL: Kind.HISTORY,
    Reason.REOPENED_IN_CRM: Kind.REOPENED,
    Reason.KEEPS_CHANGING: Kind.WAITING,
}
"""What a difference's reason says about it; by any other reason it is held."""


def from_ledger(crm: str, ledger: DealLedger) -> Iterator[Row]:
    """Yield what differs in the deals of one CRM. Raises the families."""
    for link in ledger.links.all():
        yield from of_one(link)
    for due in ledger.agenda.all(DueKind.PARKED):
        yield _set_aside(crm, due)
    for due in ledger.agenda.all(DueKind.HELD):
        since, reason = due.since.isoformat(), f"a mass change ({due.reason}): cosell.py release"
        yield Row(crm, _message(due).record_type or "", due.key, _record(due), Kind.HELD, reason=reason, since=since)


def of_one(link: Link) -> Iterator[Row]:
    """Yield what a link says about its deal."""
    newest = link.recent_audit[0] if link.recent_audit else ""
    if link.state is LinkState.ORPHANED:
        yield of_link(link, Kind.ORPHAN, reason=newest)
    elif link.state is LinkState.PAUSED:
        yield of_link(link, Kind.PAUSED, reason=newest)
    elif link.state is LinkState.LINKED:
        for name, text in link.differences.items():
            yield of_link(link, _kind(link, name, text), field=name, reason=text)


def _kind(link: Link, name: str, text: str) -> Kind:
    for sentence, kind in _sentences():
        if sentence in text:
            return kind
    if name == STATUS and link.closing:
        return Kind.WAITING
    # The status tells of the worst difference: where it is ✔, every one is intended.
    agreed = link.status is not None and link.status.kind is StatusKind.SYNCHRONIZED
    return Kind.KEPT if agreed else Kind.HELD


@functools.cache
def _sentences() -> tuple[tuple[str, Kind], ...]:
    """Return what each telling reason reads like; a link keeps the words of the language of its day."""
    spoken = [Messages(language) for language in LANGUAGES]
    return tuple((messages.reason(reason), kind) for messages in spoken for reason, kind in KINDS.items())


def _set_aside(crm: str, due: Due) -> Row:
    told = "; ".join(f"{each.field}: {each.rule}. {each.remedy}" for each in due.problems) or due.reason
    kind = Kind.SET_ASIDE if due.family in ("data", "fatal", "bug") else Kind.WAITING
    message = _message(due)
    referral_id = message.referral_id or ("" if ":" in due.key else due.key)
    table = message.record_type or ""
    return Row(crm, table, referral_id, _record(due), kind, reason=told, since=due.since.isoformat())


def _message(due: Due) -> DealMessage:
    return DealMessage.load(due.message)


def _record(due: Due) -> str:
    return _message(due).record_id or ""
