"""The rows everybody needs: people, stages, currencies, the organization itself."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from tools.simulators.salesforce.oauth import ORGANIZATION_ID
from tools.simulators.salesforce.org import Org
from tools.simulators.salesforce.schema import CURRENCIES, STAGES

INTEGRATION_USER = "cosell.integration@partner.example"
SELLER = "sam.seller@partner.example"


class People(NamedTuple):
    """User ids."""

    seller: str
    admin: str
    integration: str


def seed_org(org: Org) -> People:
    """Fill a new org; returns its people."""
    details = {"OrganizationType": "Enterprise Edition", "InstanceName": "SIM1", "IsSandbox": False}
    locale = {"LanguageLocaleKey": "en_US", "TimeZoneSidKey": "America/Los_Angeles"}
    sharing = {"DefaultOpportunityAccess": "Edit", "DefaultLeadAccess": "ReadEditTransfer"}  # as of a new org
    org.seed("Organization", Id=ORGANIZATION_ID, Name="Partner", **details, **locale, **sharing)
    for order, (name, closed, won, probability, category) in enumerate(STAGES, 1):
        org.seed(
            "OpportunityStage",
            ApiName=name,
            MasterLabel=name,
            IsActive=True,
            IsClosed=closed,
            IsWon=won,
            DefaultProbability=Decimal(probability),
            ForecastCategory=category,
            ForecastCategoryName=category,
            SortOrder=Decimal(order),
        )
    if org.multi_currency:
        for code, rate in CURRENCIES:
            active = {"IsActive": True, "IsCorporate": code == "USD", "DecimalPlaces": Decimal(2)}
            org.seed("CurrencyType", IsoCode=code, ConversionRate=Decimal(rate), **active)
    return People(
        add_user(org, SELLER, "Sam", "Seller", phone="+14255550101"),
        add_user(org, "ada.admin@partner.example", "Ada", "Admin"),
        add_user(org, INTEGRATION_USER, "Cosell", "Integration"),
    )


def add_queue(org: Org, name: str, sobject: str = "Lead") -> str:
    """Add a queue for an object type; returns the queue's id."""
    queue = org.seed("Group", Name=name, Type="Queue")
    org.seed("QueueSobject", QueueId=queue, SobjectType=sobject)
    return queue


def add_user(org: Org, username: str, first: str, last: str, *, phone: str | None = None) -> str:
    """Add an active user; returns the id."""
    person: dict[str, object] = {"Username": username, "Email": username, "FirstName": first, "LastName": last}
    person |= {"Name": f"{first} {last}", "UserType": "Standard", "IsActive": True}
    if org.multi_currency:
        person["CurrencyIsoCode"] = "USD"
    if phone is not None:
        person |= {"MobilePhone": phone}
    return org.seed("User", **person)
