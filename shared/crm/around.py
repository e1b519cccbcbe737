"""What a new record hangs on: whom and what it is to have around it, and what of that the CRM has already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.mapping.owners import Assignee

Columns = Mapping[str, object]
"""Values by the logical names of columns."""


@dataclass(frozen=True)
class Alike:
    """How an account is found that is spelled otherwise: among those whose name begins alike, by a score."""

    name_column: str
    beginning: str
    columns: tuple[str, ...]
    """What the score looks at."""
    score: Callable[[Columns], int]
    """From 0 to 100."""
    enough: int
    """The score from which it is the customer's account."""


MOST_ALIKE = 50
"""Accounts that are looked at, the oldest of those whose name begins alike."""

WORTH_NAMING = 50
"""The score from which an account that is not alike enough is told to a person."""


@dataclass(frozen=True)
class AccountWanted:
    """The customer's account: the oldest one that equals `match` in every column, or a new one made of `columns`.

    Where none equals it, the one that is most `alike`, if it is enough.
    """

    match: Columns
    columns: Columns
    alike: Alike | None = None


@dataclass(frozen=True)
class ContactWanted:
    """The customer's contact: the account's one with this `mail`, else with these `names`, or a new one of `columns`.

    `mail` and `names` are columns with their values; one of the two may be empty.
    """

    mail: Columns
    names: Columns
    columns: Columns


@dataclass(frozen=True)
class Around:
    """What a new record is to have around it."""

    account: AccountWanted | None
    """None for a lead, which holds its customer itself."""
    contact: ContactWanted | None = None
    owners: tuple[Assignee, ...] = ()
    """Who may own it; the first whom the CRM has does."""
    deals: bool = False
    """Whether the customer's open records are asked for that have no referral: the new one may be one of them."""


@dataclass(frozen=True)
class Owner:
    """Who is to own a new record: the rule's choice, and the id in the CRM."""

    assignee: Assignee
    id: str


@dataclass(frozen=True)
class Candidate:
    """An account that may be the customer's, with its score."""

    id: str
    name: str
    score: int


MOST_EQUAL = 5
"""Equal accounts whose open records are looked at, the oldest: a customer may have been entered several times."""

MOST_DEALS = 50
"""Open records of one account that are looked at, the newest."""


@dataclass(frozen=True)
class OpenDeal:
    """An open record of the customer's account that has no referral."""

    id: str
    columns: Columns


@dataclass(frozen=True)
class Found:
    """What the CRM has of it."""

    looked_at: datetime
    """Our clock before it was looked for."""
    account_id: str | None = None
    contact_id: str | None = None
    candidate: Candidate | None = None
    """The account that is most alike, where none equals the one that is wanted."""
    owner: Owner | None = None
    """None: the record belongs to the app's own user."""
    deals: tuple[OpenDeal, ...] = ()
    """The open records without a referral of the account and its equals, where they were asked for."""


def chosen(wanted: ContactWanted, contacts: Sequence[Columns], id_column: str) -> str | None:
    """Return the id of the contact that is wanted: by mail first, then by name; the first of several."""
    for match in (wanted.mail, wanted.names):
        for each in contacts if match else ():
            if all(str(each.get(name) or "").casefold() == str(value).casefold() for name, value in match.items()):
                return str(each[id_column])
    return None


def most_alike(alike: Alike, accounts: Sequence[Columns], id_column: str) -> Candidate | None:
    """Return the account with the highest score, the first of several, if it is worth naming at all."""
    scored = [(alike.score(each), each) for each in accounts]
    best = max(scored, key=lambda each: each[0], default=(0, {}))
    if best[0] < WORTH_NAMING:
        return None
    return Candidate(str(best[1][id_column]), str(best[1].get(alike.name_column) or ""), best[0])
