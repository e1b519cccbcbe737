"""What doctor finds: one line for each thing it looked at, with the one who can put it right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.checkup import WELL, Degree, Finding
from shared.clock import Clock
from shared.errors import (
    AccessDenied,
    AllowanceSpent,
    CosellError,
    DataError,
    MappingError,
    SchemaMismatch,
    SettingsError,
    SignInRequired,
)
from shared.messages import Messages

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
    """One thing that was looked at; whatever somebody should do something about has an owner and a remedy."""

    mark: Mark
    subject: str
    text: str
    owner: Owner | None = None
    remedy: str = ""

    def __str__(self) -> str:
        """The line as it is printed."""
        if self.owner is None:
            return f"{self.mark} {self.subject}: {self.text}"
        remedy = f": {self.remedy}" if self.remedy else ""
        return f"{self.mark} {self.subject}: {self.text.rstrip('.')} → {self.owner}{remedy}"

    def as_data(self) -> dict[str, str | None]:
        """The line for `--json`."""
        return {
            "mark": self.mark.name.lower(),
            "subject": self.subject,
            "text": self.text,
            "owner": self.owner,
            "remedy": self.remedy or None,
        }


def good(subject: str, text: str) -> Line:
    """Return a line about something that is right."""
    return Line(Mark.GOOD, subject, text)


def note(subject: str, text: str) -> Line:
    """Return a line about something that a person should know, and need not do anything about."""
    return Line(Mark.LOOK, subject, text)


def look(subject: str, text: str, owner: Owner, remedy: str) -> Line:
    """Return a line about something that works, and could be better."""
    return Line(Mark.LOOK, subject, text, owner, remedy)


def bad(subject: str, text: str, owner: Owner, remedy: str) -> Line:
    """Return a line about something that must be put right."""
    return Line(Mark.BAD, subject, text, owner, remedy)


_MARKS = {
    Degree.OK: Mark.GOOD,
    Degree.NOTE: Mark.LOOK,
    Degree.LOOK: Mark.LOOK,
    Degree.WRONG: Mark.BAD,
    Degree.DOWN: Mark.BAD,
}


def line_of(finding: Finding, subject: str = "") -> Line:
    """Return the line about what the status page tells in the same words."""
    messages = Messages()
    owner = None if finding.degree in WELL else Owner(messages.word(finding.who))
    text, remedy = finding.text(messages), finding.remedy(messages)
    return Line(_MARKS[finding.degree], subject or finding.subject, text, owner, remedy)


def clock(whose: str, theirs: datetime, ours: Clock) -> Line:
    """Return the line about the difference of two clocks."""
    apart = abs(theirs - ours.now())
    text = f"{whose} and this machine are {apart.total_seconds():.0f} s apart"
    remedy = "set this machine's clock by a time server; if it is right, the other one is wrong"
    return good("clock", text) if apart <= APART else look("clock", text, Owner.AZURE, remedy)


def guarded(subject: str, owner: Owner, check: Callable[[], Iterator[Line]]) -> Iterator[Line]:
    """Run a check; an error that it raises becomes its last line.

    A setting is the Azure admin's business wherever it shows; everything else is the `owner`'s, except that only the
    Partner Center admin can sign in for Partner Center.
    """
    try:
        yield from check()
    except SettingsError as error:
        yield bad(subject, _plain(error), Owner.AZURE, CORRECT)
    except SignInRequired as error:
        crm = owner is Owner.CRM
        remedy = _NEW_CREDENTIALS if crm else "`python3 cosell.py sign-in`, as the service user"
        yield bad(subject, _plain(error), owner if crm else Owner.PARTNER_CENTER, remedy)
    except CosellError as error:
        remedy = next((text for kind, text in _REMEDIES if isinstance(error, kind)), _AGAIN)
        yield bad(subject, _plain(error), owner, remedy)


CORRECT = "correct the setting in the function app, or in local.settings.json"
_NEW_CREDENTIALS = "check the credentials of the app's user in the CRM, and that it may sign in"
_AGAIN = "try again in some minutes; if it stays, look at the address and at the network between"
_REMEDIES: tuple[tuple[type[CosellError], str], ...] = (
    (AccessDenied, "give the identity that was refused the role or permission that is named"),
    (SchemaMismatch, "`python3 cosell.py provision --dry-run` shows what is missing"),
    (MappingError, "correct the mapping file; `python3 cosell.py lint --live` checks it"),
    (AllowanceSpent, "let other integrations use less of the allowance, or raise SALESFORCE_API_STOP_AT"),
    (DataError, "correct what the service names"),
)


def _plain(error: CosellError) -> str:
    """Return the message on one line, with the service's own code behind it where it is not in the message."""
    text = " ".join(str(error).split())
    return text if not error.code or error.code in text else f"{text} ({error.code})"
