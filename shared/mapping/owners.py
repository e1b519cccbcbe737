"""Who is to own the record of an inbound deal: rules of the mapping file, and whom they name for one referral."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field, model_validator

from shared.mapping.strict import Strict

MOST = 10
"""Members of a referral's team that are looked for in the CRM; a query stays short."""


class OwnerKind(StrEnum):
    """Who may own a record, by the CRM's table."""

    USER = "user"
    TEAM = "team"
    """Dynamics 365 only."""
    QUEUE = "queue"
    """Leads of Salesforce only."""


@dataclass(frozen=True)
class Assignee:
    """Somebody who may own a record: a user by mail address or full name, a team or queue by name."""

    kind: OwnerKind
    name: str

    @property
    def by_mail(self) -> bool:
        """Whether the name is a mail address."""
        return "@" in self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Assigned(Strict):
    """A user, a team or a queue of the CRM, as the mapping file names it."""

    user: str | None = Field(None, min_length=1, description="The user's mail address, or full name.")
    team: str | None = Field(None, min_length=1, description="The team's name; Dynamics 365 only.")
    queue: str | None = Field(None, min_length=1, description="The queue's name; leads of Salesforce only.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Assigned:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise ValueError("name a `user`, a `team` or a `queue`, and only one of them")
        return self

    def assignee(self) -> Assignee:
        """Return whom it names."""
        ((kind, name),) = self.model_dump(exclude_none=True).items()
        return Assignee(OwnerKind(kind), name)


class OwnerRules(Strict):
    """Who owns the record of an inbound deal: the first of these whom the CRM has, else the app's own user."""

    referral_team: bool = Field(
        default=True, description="The first member of our team on the referral whose mail address is a CRM user's."
    )
    by_location: dict[str, Assigned] = Field(
        default_factory=dict, description="By the location (PartnerID) that the referral names: who owns its deals."
    )
    by_country: dict[str, Assigned] = Field(
        default_factory=dict, description="By the customer's country (ISO 3166 alpha-2): who owns its deals."
    )
    otherwise: Assigned | None = Field(None, description="Who owns all other deals.")

    @model_validator(mode="after")
    def _countries_are_codes(self) -> OwnerRules:
        for code in self.by_country:
            if len(code) != 2 or not code.isascii() or not code.isalpha() or not code.isupper():
                raise ValueError(f"`by_country` has {code}, which is no country code of two capitals, such as DE")
        return self

    def named(self) -> Iterator[tuple[tuple[str, ...], Assignee]]:
        """Yield everybody whom the file names, with the place in it."""
        for location, assigned in self.by_location.items():
            yield ("owner_rules", "by_location", location), assigned.assignee()
        for country, assigned in self.by_country.items():
            yield ("owner_rules", "by_country", country), assigned.assignee()
        if self.otherwise:
            yield ("owner_rules", "otherwise"), self.otherwise.assignee()


def assignees(
    rules: OwnerRules, mails: Iterable[object], country: object, location: object = None
) -> tuple[Assignee, ...]:
    """Return who may own the record of a referral, in the order of the rules.

    `mails` are those of our team on the referral, `country` is the customer's, `location` the referral's `mpnId`.
    """
    found: list[Assignee] = []
    if rules.referral_team:
        team = (str(mail or "").strip().casefold() for mail in mails)
        found += [Assignee(OwnerKind.USER, mail) for mail in team if "@" in mail][:MOST]
    place = str(location or "").strip()
    if place in rules.by_location:
        found.append(rules.by_location[place].assignee())
    code = str(country or "").strip().upper()
    if code in rules.by_country:
        found.append(rules.by_country[code].assignee())
    if rules.otherwise:
        found.append(rules.otherwise.assignee())
    return tuple(dict.fromkeys(found))
