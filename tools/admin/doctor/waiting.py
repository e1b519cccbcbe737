"""What waits for a person: deals that are set aside, alerts that are raised, messages that nobody could handle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.bootstrap import App
from shared.errors import DataError, FatalError
from shared.ledger.model import Due, DueKind
from tools.admin.doctor.report import Line, Owner, bad, good, note

EXAMPLES = 3


@dataclass(frozen=True)
class Parked:
    """A deal that is set aside for one CRM."""

    crm: str
    due: Due


def parked_deals(app: App) -> Sequence[Parked]:
    """Return every deal that is set aside."""
    return [Parked(crm, due) for crm in app.settings.crms for due in app.ledger.of(crm).agenda.all(DueKind.PARKED)]


def diagnose_waiting(app: App) -> Iterator[Line]:
    """Yield who is waited for. With a deal that needs somebody, no diagnosis ends well."""
    yield from _deals(parked_deals(app))
    alerts = app.alerts.raised()
    for key, text in alerts.items():
        yield bad(f"alert: {key}", text, _owner(key, text), "do what the alert says; it clears by itself afterwards")
    if not alerts:
        yield good("alerts", "none is raised")


def _deals(parked: Sequence[Parked]) -> Iterator[Line]:
    by_family: dict[str, list[Parked]] = defaultdict(list)
    for each in parked:
        by_family[each.due.family].append(each)
    for family, deals in by_family.items():
        text = f"{_count(deals)} set aside: {_examples(deals)}"
        if family == DataError.family:
            yield bad("deals", text, Owner.CRM, "do what each record's Sync status says; then save the record")
        elif family == FatalError.family:
            remedy = "put right what is named; the deals go on by themselves within ten minutes"
            yield bad("deals", text, Owner.AZURE, remedy)
        else:
            yield note("deals", f"{text}. They are tried again by themselves")
    if not parked:
        yield good("deals", "none is set aside")


def _count(deals: Sequence[Parked]) -> str:
    return f"{len(deals)} {'deal is' if len(deals) == 1 else 'deals are'}"


def _examples(deals: Sequence[Parked]) -> str:
    shown = "; ".join(
        f"{each.crm} {each.due.key}: {' '.join(each.due.reason.split())[:160]}" for each in deals[:EXAMPLES]
    )
    return shown + (f"; and {len(deals) - EXAMPLES} more" if len(deals) > EXAMPLES else "")


def _owner(key: str, text: str) -> Owner:
    """Return whose turn it is: a sign-in is the service user's, a step of a CRM mostly the CRM's."""
    if "cosell.py sign-in" in text:
        return Owner.PARTNER_CENTER
    return Owner.CRM if key.startswith("mapping ") else Owner.AZURE


def diagnose_poison(app: App) -> Iterator[Line]:
    """Yield whether messages ended as poison: the host gives up on one after five tries, which only a bug causes."""
    name, count = f"{app.settings.queue}-poison", app.queue.poison_length()
    if count:
        remedy = f"look for errors of SyncWorker in the log, then move the messages back to {app.settings.queue}"
        yield bad("storage: poison queue", f"about {count} messages in {name}", Owner.AZURE, remedy)
    else:
        yield good("storage: poison queue", "empty")
