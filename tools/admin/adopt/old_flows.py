"""Whether Microsoft's connector still works on the same deals: two writers would undo each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from shared.errors import CosellError
from shared.partner_center.webhooks import Webhooks
from shared.sync.task import Task
from shared.urls import redacted
from shared.webhook.registration_answers import is_power_automate

RECENT = timedelta(days=14)
"""A line of the connector that is younger says that its flows are still on."""

SAMPLE = 20
"""How many records' Audit columns are read for it: a call each."""

_LINE = re.compile(r"\bsync (?:success|succeeded|fail)", re.IGNORECASE)
"""As observed: a date and time, then `Partner Center Referral to CRM sync success.`"""

_DATED = 30
"""Within so many characters of its beginning a line has its date."""

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_SLASHED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")


def registration_notes(webhooks: Webhooks) -> Iterator[str]:
    """Yield what is to be said about where Partner Center sends its events now."""
    try:
        current = webhooks.registration()
    except CosellError as error:
        yield f"Where Partner Center sends events could not be asked ({type(error).__name__}): {error}"
        return
    if current is None:
        yield "Partner Center sends its events nowhere yet: `cosell.py register` registers this app."
    elif is_power_automate(current.url):
        yield (
            f"Partner Center still sends its events to Microsoft's connector ({redacted(current.url)}). Switch its "
            "flows off in Power Automate, then take the registration over: `cosell.py register --overwrite`."
        )


def audit_notes(task: Task, record_ids: Iterable[str]) -> Iterator[str]:
    """Yield what the Audit columns of these records say about the connector's flows. Raises the families."""
    newest, today = None, task.clock.now().date()
    for record_id in record_ids:
        newest = max(filter(None, (newest, newest_line(task.records.audit_text(record_id).text, today))), default=None)
    if newest and newest >= today - RECENT:
        yield (
            f"Microsoft's connector wrote audit lines as late as {newest}: its flows for {task.name} are still on. "
            "Switch them off before anything is applied, or both will write the same deals."
        )


def newest_line(text: str, today: date) -> date | None:
    """Return the day of the connector's newest line in an Audit column; None where it left none.

    Which way round it writes day and month is not documented: what is in the future is read the other way.
    """
    lines = (line.strip() for line in text.splitlines() if _LINE.search(line))
    return max((day for line in lines for day in _days(line[:_DATED], today)), default=None)


def _days(text: str, today: date) -> Iterator[date]:
    if found := _ISO.search(text):
        yield from _valid(*map(int, found.groups()))
    elif found := _SLASHED.search(text):
        first, second, year = map(int, found.groups())
        both = [*_valid(year, first, second), *_valid(year, second, first)]
        yield from [each for each in both if each <= today][:1] or both[:1]


def _valid(year: int, month: int, day: int) -> Iterator[date]:
    try:
        yield date(year, month, day)
    except ValueError:
        return
