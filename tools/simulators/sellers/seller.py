"""A simulated CRM with a seller at it, in words that no vendor has to itself.

Names and values are those of shared.deal: codes instead of a CRM's option numbers, ISO 4217 currencies, Decimals,
dates, stages. How a CRM spells them is written down once more with its seller, by hand: one who asked the mapping file
would find every mistake in it correct.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol, TypedDict, Unpack

from shared.lifecycle import Stage
from tools.simulators.faults import Fault
from tools.simulators.server import SimulatorServer
from tools.simulators.vendors import Vendors

SOLUTION = "SOL-20311-QXT"
"""A solution id that the simulated Partner Center knows."""


class DealFields(TypedDict, total=False):
    """What a seller enters on an opportunity. What is not named stays as it is; an empty text or tuple empties it."""

    name: str
    deal_value: Decimal
    currency: str
    """ISO 4217 code; USD, EUR and GBP exist in every CRM."""
    closing_date: date
    notes: str
    solutions: tuple[str, ...]
    """Ids of what is sold; the column Products."""
    marketplace_intent: str
    """Will the customer buy through the marketplace? Yes, No or Not decided."""
    close_reason: str
    """Why the deal is declined or lost: one of tools.simulators.help_codes.CLOSE_REASONS."""
    help: str
    """How can Microsoft help? A referral's assistance request code, such as CustomerTechnicalArchitecture."""
    notes_for_microsoft: str
    """What goes with the invitation to Microsoft."""
    sync: bool
    """Sync with Partner Center."""
    visible_to_microsoft: bool
    contact: bool
    """Whether the customer's contact person is on the opportunity; True adds a new one, CONTACT."""


@dataclass(frozen=True)
class Deal:
    """An opportunity as the seller sees it. An empty text column is "", whatever the CRM calls that."""

    id: str
    version: str
    """Opaque; changes with every write to the record, whoever writes."""
    name: str
    deal_value: Decimal | None
    currency: str
    closing_date: date | None
    notes: str
    solutions: tuple[str, ...]
    help: str
    sync: bool
    visible_to_microsoft: bool
    stage: Stage
    """One of on hold, active, won and lost; a state that the app never writes is a KeyError."""
    account_id: str
    referral_identifier: str
    referral_link: str
    sync_status: str
    audit: str
    microsoft_crm_identifier: str
    microsoft_status: str
    microsoft_team: str
    marketplace_intent: str
    close_reason: str
    decide_by: date | None


@dataclass(frozen=True)
class Account:
    """A customer as the CRM holds it."""

    name: str
    street: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True)
class Contact:
    """A person at the customer."""

    first_name: str
    last_name: str
    email: str
    phone: str


@dataclass(frozen=True)
class Lead:
    """A lead as the seller sees it."""

    id: str
    company: str
    sync_status: str
    audit: str
    decide_by: date | None
    open: bool
    """Whether it is neither qualified nor disqualified."""


CUSTOMER = Account("Contoso Outdoor & Sons", "1 Market Street", "Bristol", "BS1 3AE", "United Kingdom")
CONTACT = Contact("Olive", "Marsh", "olive@contoso.example", "+441170000000")

READY: DealFields = {
    "name": "Contoso store analytics",
    "deal_value": Decimal(42000),
    "currency": "GBP",
    "closing_date": date(2027, 6, 30),
    "notes": "Stores want one view of their stock.",
    "solutions": (SOLUTION,),
    "help": "CustomerTechnicalArchitecture",
    "sync": True,
    "contact": True,
}
"""An opportunity that Partner Center takes as it is: what `opportunity` creates when nothing else is asked for."""


def day_of(value: object) -> date | None:
    """Return a column's day."""
    return date.fromisoformat(str(value)) if value else None


class Seller(Protocol):
    """One simulated CRM: its server, the app settings that point at it, and the seller at its forms.

    Making it with running vendors serves its simulator there, with the product's columns in place and the app admitted
    as an administrator would admit it, so that the app's next call succeeds. The seller is Sam Seller
    (sam.seller@partner.example, +14255550101) and owns every opportunity created there. What the seller does is
    checked as the CRM's forms check it, is never counted as a call of the app, and is seen by the next poll.

    Nobody merges opportunities: neither vendor can. Accounts, contacts and leads are merged by its `simulator`.

    It also has its vendor's own `simulator`; tests about one vendor alone make that seller and use it.
    """

    name: str
    """`dynamics365` or `salesforce`, as in the setting CRM."""
    title: str
    """The CRM's name as a person says it."""
    server: SimulatorServer
    """Serves the whole CRM: its request log and its faults."""

    def __init__(self, vendors: Vendors) -> None: ...

    def settings(self) -> dict[str, str]:
        """Return the app settings of this CRM alone: its `..._URL`, and the credentials of the app."""
        ...

    def routes(self) -> Mapping[tuple[str, str], Callable[[dict[str, str], dict[str, object]], object]]:
        """Return handlers for the vendors' control API, by method and path below the CRM's name."""
        ...

    # --- what the seller does --------------------------------------------------------------------------------------

    def opportunity(self, **fields: Unpack[DealFields]) -> str:
        """Create an opportunity, active, for a new customer (CUSTOMER); returns its id.

        It has the fields of READY, and those given here in their place.
        """
        ...

    def edit(self, record_id: str, **fields: Unpack[DealFields]) -> None:
        """Change fields of an opportunity."""
        ...

    def accept(self, record_id: str) -> None:
        """Make an opportunity active that was on hold."""
        ...

    def hold(self, record_id: str) -> None:
        """Put an active opportunity on hold."""
        ...

    def win(self, record_id: str) -> None:
        """Close an opportunity as won."""
        ...

    def lose(self, record_id: str) -> None:
        """Close an opportunity as lost."""
        ...

    def reopen(self, record_id: str) -> None:
        """Make an opportunity active again that was closed."""
        ...

    def clone(self, record_id: str, *, keep_identifier: bool) -> str:
        """Copy every column that can be given to a new opportunity, as an import or a flow does; returns its id.

        `keep_identifier`: the Referral Identifier, too, which the CRM refuses while that is unique.
        """
        ...

    def delete(self, record_id: str) -> None:
        """Delete an opportunity."""
        ...

    def qualify(self, lead_id: str) -> str:
        """Make an opportunity of a lead, with an account and a contact; returns the opportunity's id."""
        ...

    def disqualify(self, lead_id: str, reason: str) -> None:
        """Say why a lead comes to nothing, one of CLOSE_REASONS, and disqualify it."""
        ...

    # --- what the seller sees --------------------------------------------------------------------------------------

    def deal(self, record_id: str) -> Deal:
        """Return an opportunity. Raises KeyError when it does not exist."""
        ...

    def find(self, referral_id: str) -> list[Deal]:
        """Return every opportunity that carries this Referral Identifier; more than one is the app's mistake."""
        ...

    def leads(self, referral_id: str) -> list[Lead]:
        """Return every lead that carries this Referral Identifier; more than one is the app's mistake."""
        ...

    def contact_mail(self, record_id: str) -> str:
        """Return the mail address of the opportunity's contact; empty when it has none."""
        ...

    def account(self, account_id: str) -> Account:
        """Return a customer. Raises KeyError when it does not exist."""
        ...

    # --- what happens to the app -----------------------------------------------------------------------------------

    def calls(self) -> int:
        """Return how many requests the app has made so far, without polls and without fetching tokens."""
        ...

    def polls(self) -> int:
        """Return how many requests the app has made so far to ask the change feed what is new."""
        ...

    def break_update(self, fault: Fault) -> Fault:
        """Arm a fault for the requests by which the app writes to an opportunity, whatever method and path it names.

        Returns what was armed, to watch `fired`.
        """
        ...

    def break_create(self, fault: Fault) -> Fault:
        """Arm a fault for the requests by which the app creates an opportunity, whatever method and path it names.

        Returns what was armed, to watch `fired`.
        """
        ...

    def expire_cursor(self) -> None:
        """Let so much time pass that the change feed cannot tell what happened since the app's last poll."""
        ...
