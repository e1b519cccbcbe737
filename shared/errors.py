"""The error tree. A family says what the caller must do; a leaf says what went wrong.

CosellError
├── FatalError               stop, alert, keep the work: configuration or authorization is wrong
│   ├── SettingsError        app settings are missing or malformed
│   ├── MappingError         the mapping file cannot be used
│   ├── SignInRequired       somebody must sign in again (refresh token refused)
│   ├── AccessDenied         the identity lacks a role or permission
│   ├── SchemaMismatch       the remote side has no such table, column or key
│   └── LeadsUnready         the CRM's table of leads lacks a column, a key or a right; everything else goes on
├── RetriableError           try again later, honouring `retry_after`
│   ├── Throttled            too many requests: try again after the pause that the service asks for
│   ├── ServiceUnavailable   the service or the network failed before anything was done
│   ├── OutcomeUnknown       the connection broke after a write was sent: it may have taken effect
│   ├── AllowanceSpent       so much of the vendor's daily allowance is used that we leave the rest to others
│   └── Deferred             another worker of ours is at this very deal: look again shortly
├── DataError                this deal needs a person: each problem's field, rule and remedy
├── StaleError               what we knew is out of date: observe and plan again
│   ├── VersionMismatch      a guarded write met a newer version
│   ├── AlreadyExists        a create-only write met an existing row
│   └── CursorExpired        the change feed no longer knows our cursor
└── GoneError                the other side was deleted

Anything else that is raised is a bug of ours and may reach the poison queue.
"""

from __future__ import annotations

from typing import Self

from shared.printable import printable
from shared.problems import Problem, problem


class CosellError(Exception):
    """Base of every error this product raises on purpose.

    `code` and `correlation_id` are the remote service's own, when an answer of it caused the error.
    """

    family = "bug"
    problem_code = "app.failed"
    """Which problem of the catalogue it is where a person reads it; a DataError brings its own problems."""
    code = ""
    correlation_id = ""

    @property
    def alert(self) -> str:
        """What people are told of it in a chat."""
        return str(self)

    def with_remote(self, code: str, correlation_id: str) -> Self:
        """Note what the remote service called the error; returns the error."""
        self.code, self.correlation_id = code, correlation_id
        return self


class FatalError(CosellError):
    """Configuration or authorization is wrong: stop, alert a person, keep the work."""

    family = "fatal"
    problem_code = "app.failed"


class SettingsError(FatalError):
    """App settings are missing or malformed; the message names every one of them."""

    problem_code = "app.settings"


class MappingError(FatalError):
    """The mapping file cannot be used; the message names file, line, field and remedy."""

    problem_code = "app.mapping"


class SignInRequired(FatalError):
    """The stored refresh token was refused: the service user must sign in again."""

    problem_code = "app.sign_in"


class AccessDenied(FatalError):
    """The identity is known but lacks a role or permission."""

    problem_code = "app.access_denied"


class SchemaMismatch(FatalError):
    """The remote side has no such table, column or key, so every deal would fail alike."""

    problem_code = "app.schema"


class LeadsUnready(FatalError):
    """The CRM's table of leads lacks a column, a key or a right: leads wait, and opportunities go on."""

    problem_code = "app.leads"
    _ALERT = (
        "Leads wait, since their table in the CRM lacks a column, a key or a right of the app's user. Opportunities "
        "are synchronized all the same. Run `cosell.py provision --apply`, which makes the columns of leads; "
        "`cosell.py doctor` names what lacks. Or write `leads: off` into the mapping file."
    )

    @property
    def alert(self) -> str:
        """The same whatever lacks first, so that people are told once."""
        return self._ALERT


class RetriableError(CosellError):
    """Trying again later may succeed.

    `retry_after` is the number of seconds the service asked for, or None when it named none.
    """

    family = "retriable"
    problem_code = "service.unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(RetriableError):
    """Too many requests (429, or a vendor's own limit code)."""

    problem_code = "service.throttled"


class ServiceUnavailable(RetriableError):
    """The service or the network failed, and the request had no effect."""


class OutcomeUnknown(RetriableError):
    """The connection broke after a write was sent: it may or may not have taken effect."""

    problem_code = "service.outcome_unknown"


class AllowanceSpent(RetriableError):
    """Of the calls that the vendor allows a day so many are used that we leave the rest to others.

    It ends automatically, but takes hours, so an alert is raised.
    """

    problem_code = "app.allowance"


class Deferred(RetriableError):
    """Another worker of ours is at this very deal: look again after `retry_after` seconds. Nothing is wrong."""


LONGEST_TEXT = 4000
"""Characters of an error's text: it is stored, shown on a record and sent to a chat, however much a service quotes."""


class DataError(CosellError):
    """One deal cannot proceed until a person changes something; every problem found is named at once."""

    family = "data"

    def __init__(self, *problems: Problem) -> None:
        super().__init__(printable(" ".join(str(problem) for problem in problems), LONGEST_TEXT))
        self.problems = problems


class StaleError(CosellError):
    """What we knew is out of date: observe and plan again."""

    family = "stale"
    problem_code = "deal.moving"


class VersionMismatch(StaleError):
    """A write guarded by a version met a newer one (HTTP 412)."""


class AlreadyExists(StaleError):
    """A create-only write met a row that exists."""


class CursorExpired(StaleError):
    """The change feed no longer knows our cursor: read everything again."""


class GoneError(CosellError):
    """The row we address was deleted, or we can no longer see it."""

    family = "gone"
    problem_code = "deal.gone"


def problems_of(error: CosellError) -> tuple[Problem, ...]:
    """Return an error as a person reads it: a DataError's problems, or the one of its kind."""
    if isinstance(error, DataError):
        return error.problems
    values = {} if isinstance(error, StaleError) else {"message": error}
    return (problem(error.problem_code, "deal", **values),)
