"""What doctor finds: one line for each thing it looked at, with whoever can put it right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.clock import Clock
from shared.errors import CosellError, SettingsError, SignInRequired

APART = timedelta(seconds=60)
"""How far two clocks may be apart before it is worth a word: tokens and certificates have validity periods."""


class Mark(StrEnum):
    """How something stands."""

    GOOD = "✔"
    LOOK = "⚠"
    """It works, or it could not be looked at; a person should know."""
    BAD = "✖"


class Owner(StrEnum):
    """Who can put it right."""

    CRM = "CRM admin"
    PARTNER_CENTER = "Partner Center admin"
    AZURE = "Azure admin"


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    mark: Mark
    subject: str
    text: str
    owner: Owner | None = None

    def __str__(self) -> str:
        """The line as it is printed."""
        return f"{self.mark} {self.subject}: {self.text}" + (f" → {self.owner}" if self.owner else "")


def good(subject: str, text: str) -> Line:
    """Return a line about something that is right."""
    return Line(Mark.GOOD, subject, text)


def look(subject: str, text: str, owner: Owner | None = None) -> Line:
    """Return a line about something that a person should know."""
    return Line(Mark.LOOK, subject, text, owner)


def bad(subject: str, text: str, owner: Owner) -> Line:
    """Return a line about something that must be put right."""
    return Line(Mark.BAD, subject, text, owner)


def clock(whose: str, theirs: datetime, ours: Clock) -> Line:
    """Return the line about the difference of two clocks."""
    apart = abs(theirs - ours.now())
    text = f"{whose} and this machine are {apart.total_seconds():.0f} s apart"
    return good("clock", text) if apart <= APART else look("clock", text, Owner.AZURE)


def guarded(subject: str, owner: Owner, check: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """Run a check; an error that it raises becomes its last line.

    A setting is the Azure admin's business wherever it shows; everything else is the `owner`'s, except that only the
    Partner Center admin can sign in for Partner Center.
    """
    try:
        yield from check()
    except SettingsError as error:
        yield bad(subject, _plain(error), Owner.AZURE)
    except SignInRequired as error:
        yield bad(subject, _plain(error), owner if owner is Owner.CRM else Owner.PARTNER_CENTER)
    except CosellError as error:
        yield bad(subject, _plain(error), owner)


def _plain(error: CosellError) -> str:
    """Return the message on one line, with the service's own code behind it where it is not in the message."""
    text = " ".join(str(error).split())
    return text if not error.code or error.code in text else f"{text} ({error.code})"
