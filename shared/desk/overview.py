"""All deals at a glance, as data. It costs what waits and what changed, however many deals are linked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice

from shared import VERSION
from shared.desk.checks import ATTENTION, DOWN, OK, Data, checks, last_figures
from shared.desk.desk import Desk
from shared.errors import DataError
from shared.freshness import Direction, Figures, summary
from shared.ledger.drawers import applied_mapping, sweep_cursor
from shared.ledger.model import Due, DueKind
from shared.ledger.survey import LINKED, LISTED, Listed, Standing, standing_of
from shared.messages import Messages
from shared.problems import Problem
from shared.queue.message import DealMessage
from shared.sync import mass_change
from shared.sync.mass_change import Kind

PAGE = 50
"""How many deals of a list are shown at once."""

MOST = 1000
"""How many waiting deals of a kind are counted and sorted at most."""

RECENT = 20
EXAMPLES = 5

DEADLINES = tuple(kind for kind in DueKind if kind in ("undo", "deadline"))


@dataclass(frozen=True)
class Asked:
    """What of all this is asked for: one CRM or all, how the listed deals stand, and behind which deal to go on."""

    crm: str = ""
    standing: str = ""
    after: str = ""


ALL = "all"
"""Asks for every link, however it stands."""

STANDINGS = (ALL, *sorted(map(str, LISTED)))
"""What may be asked for."""

ACT = (Standing.ATTENTION, Standing.DIFFERS, Standing.ORPHANED)
"""How deals stand that need a person, the most urgent first."""


def overview(desk: Desk, asked: Asked) -> Data:
    """Return how everything stands. Raises the retriable and fatal families when the ledger fails."""
    crms = [crm for crm in desk.crms if asked.crm in ("", crm)]
    parked = _soonest((crm, due) for crm in crms for due in islice(desk.of(crm).agenda.all(DueKind.PARKED), MOST))
    figures = last_figures(desk)
    found = list(checks(desk, figures.items(), parked))
    counts = {crm: desk.of(crm).survey.counts() for crm in crms}
    shown = {
        "crms": {
            crm: _crm(desk, crm, counts[crm], sum(each == crm for each, _ in parked)) | _fresh(desk, figures[crm])
            for crm in crms
        },
        "parked": [_with_record(desk, _parked(desk.messages, crm, due)) for crm, due in parked[:PAGE]],
        "attention": [each for crm in crms for each in _listed(desk, crm, asked)],
        "deadlines": _deadlines(desk, crms),
        "held": [group for crm in crms for group in held_groups(desk, crm)],
        "recent": _recent(desk, crms),
    }
    states = {str(check["state"]) for check in found}
    if shown["held"] or any(counts[crm][standing] for crm in crms for standing in ACT):
        states.add(ATTENTION)
    if any(due.family == DataError.family for _, due in parked):
        states.add(ATTENTION)
    health = DOWN if DOWN in states else ATTENTION if ATTENTION in states else OK
    return {"time": desk.clock.now().isoformat(), "version": VERSION, "health": health, "checks": found, **shown}


def _crm(desk: Desk, crm: str, counts: Mapping[Standing, int], parked: int) -> Data:
    swept = desk.ledger.drawers.read(sweep_cursor(crm)).value
    return {
        "linked": sum(counts[each] for each in LINKED),
        "differing": counts[Standing.DIFFERS],
        "paused": counts[Standing.PAUSED],
        "orphaned": counts[Standing.ORPHANED],
        "parked": parked,
        "cursor_at": swept.isoformat() if swept else None,
        "mapping_version": desk.ledger.drawers.read(applied_mapping(crm)).value or None,
    }


def _fresh(desk: Desk, figures: Figures) -> Data:
    """Return when a CRM was polled last, and how long its changes of the last day took, by direction."""
    polled = figures.polled_at.isoformat() if figures.polled_at else None
    days = {str(each): summary(figures, each, desk.clock.now()) for each in Direction}
    return {"polled_at": polled, "freshness": {name: asdict(day) if day else None for name, day in days.items()}}


# --- lists -----------------------------------------------------------------------------------------------------------


def _soonest(found: Iterable[tuple[str, Due]]) -> list[tuple[str, Due]]:
    return sorted(found, key=lambda each: (each[1].family != DataError.family, each[1].since, each[1].key))


def sides(crm: str, due: Due) -> Data:
    """Return the two ids of a deal on the agenda, as far as its entry knows them."""
    message = DealMessage.load(due.message)
    table, _, record_id = due.key.partition(":")
    referral_id = message.referral_id or (None if record_id else table)
    return {"crm": crm, "referral_id": referral_id, "record_id": message.record_id or record_id or None}


def problem_data(messages: Messages, problem: Problem) -> Data:
    """Return a problem with its sentences."""
    words = {"rule": messages.rule(problem), "remedy": messages.remedy(problem)}
    return {"code": problem.code, "field": problem.field, **words}


def _parked(messages: Messages, crm: str, due: Due) -> Data:
    return sides(crm, due) | {
        "family": due.family,
        "problems": [problem_data(messages, each) for each in due.problems],
        "since": due.since.isoformat(),
        "due": due.at.isoformat(),
        "attempts": due.attempts,
    }


def _listed(desk: Desk, crm: str, asked: Asked) -> Iterator[Data]:
    """Yield the deals that need a person, or that stand as is asked for, with their statuses."""
    survey = desk.of(crm).survey
    if asked.standing == ALL:
        for link in survey.links(PAGE, asked.after):
            text = link.status.text if link.status else ""
            yield listed_data(crm, Listed(link.referral_id, link.record, standing_of(link), text))
        return
    for standing in [Standing(asked.standing)] if asked.standing else ACT:
        for each in survey.listed(standing, PAGE, asked.after):
            yield listed_data(crm, each)


def listed_data(crm: str, each: Listed) -> Data:
    """Return a deal of a list."""
    record_id = each.record.id if each.record else None
    status = {"kind": str(each.standing), "text": each.text}
    return {"crm": crm, "referral_id": each.referral_id, "record_id": record_id, "status": status}


def _deadlines(desk: Desk, crms: Iterable[str]) -> list[Data]:
    found = [
        (until, sides(crm, due) | {"kind": due.reason or str(kind), "due": until.isoformat()})
        for crm in crms
        for kind in DEADLINES
        for due in islice(desk.of(crm).agenda.all(kind), MOST)
        for until in [due.until or due.at]
    ]
    return [_with_record(desk, each) for _, each in sorted(found, key=lambda each: each[0])[:PAGE]]


def _with_record(desk: Desk, row: Data) -> Data:
    """Return a row with its record, which only the link knows where the agenda's entry came from a referral."""
    if row["record_id"] or not row["referral_id"]:
        return row
    link = desk.of(str(row["crm"])).links.of_referral(str(row["referral_id"]))
    return row | {"record_id": link.record_id or None} if link else row


def held_id(crm: str, kind: Kind) -> str:
    """Return by which name held work is released."""
    return f"{crm}-{kind}".replace(" ", "-")


def held_groups(desk: Desk, crm: str) -> Iterator[Data]:
    """Yield the held mass changes of a CRM, by what they do."""
    held = sorted(islice(desk.of(crm).agenda.all(DueKind.HELD), MOST), key=lambda due: (due.since, due.key))
    for kind in mass_change.Kind:
        found = [due for due in held if due.reason == str(kind)]
        if found:
            since, examples = found[0].since.isoformat(), [due.key for due in found[:EXAMPLES]]
            about = {"id": held_id(crm, kind), "what": str(kind), "crm": crm, "count": len(found)}
            yield {**about, "since": since, "examples": examples}


def _recent(desk: Desk, crms: Iterable[str]) -> list[Data]:
    found = [(told.at, crm, told) for crm in crms for told in desk.of(crm).survey.newest(RECENT)]
    newest = sorted(found, key=lambda each: each[0], reverse=True)[:RECENT]
    return [
        {
            "at": at.isoformat(),
            "crm": crm,
            "referral_id": None if ":" in told.key else told.key,
            "record_id": told.record.id if told.record else told.key.partition(":")[2] or None,
            "direction": told.direction,
            "text": told.text,
        }
        for at, crm, told in newest
    ]
