"""What waits for a person: deals that are set aside, alerts that are raised, messages that nobody could handle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.bootstrap import App
from shared.checkup import LAST_ROUND
from shared.desk.checks import alerts, last_figures, schedules
from shared.errors import DataError, FatalError
from shared.ledger.model import Due, DueKind
from tools.admin.doctor.report import Line, Owner, bad, good, line_of, note

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
    raised = app.alerts.raised()
    for each in alerts(raised):
        yield line_of(each, f"alert: {each.subject}")
    if not raised:
        yield good("alerts", "none is raised")


def diagnose_schedules(app: App) -> Iterator[Line]:
    """Yield whether messages, polls, sweeps and events come and go, as the status page tells it."""
    last = app.ledger.drawers.read(LAST_ROUND).value
    yield from map(line_of, schedules(app.desk, last_figures(app.desk).items(), last, app.alerts.raised()))


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
