"""What a seller may do, whichever CRM it is: reopen and copy, and what the CRM refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.lifecycle import Stage
from tools.simulators.dataverse.errors import RefusedError as DataverseRefusal
from tools.simulators.salesforce.errors import RefusedError as SalesforceRefusal
from tools.simulators.sellers import SELLERS
from tools.simulators.sellers.salesforce import SalesforceSeller
from tools.simulators.sellers.seller import Seller
from tools.simulators.vendors import Vendors

REFERRAL, LINK = "0b0e1a52-3a5c-4d63-9df1-6a5d1b1f0c01", "https://partner.microsoft.com/referrals/v2/inbox?id=1"


@pytest.fixture(scope="module")
def vendors() -> Iterator[Vendors]:
    with Vendors() as running:
        yield running


@pytest.fixture(scope="module", params=SELLERS)
def seller(request: pytest.FixtureRequest, vendors: Vendors) -> Seller:
    return SELLERS[request.param](vendors)


def shared(seller: Seller, referral_id: str) -> str:
    """An opportunity as the app leaves it."""
    record_id = seller.opportunity()
    names = {
        "dynamics365": ("cosell_referralidentifier", "cosell_referrallink"),
        "salesforce": ("Referral_Identifier__c", "Referral_Link__c"),
    }
    seller.routes()["PATCH", "/crm/opportunities/{id}"](
        {"id": record_id}, dict(zip(names[seller.name], (referral_id, LINK), strict=True))
    )
    return record_id


@pytest.mark.parametrize("end", ["win", "lose"])
def test_what_was_closed_is_open_again(seller: Seller, end: str) -> None:
    record_id = seller.opportunity()
    getattr(seller, end)(record_id)
    assert seller.deal(record_id).stage is not Stage.ACTIVE
    seller.reopen(record_id)
    assert seller.deal(record_id).stage is Stage.ACTIVE


def test_a_copy_has_every_column_but_the_identifier(seller: Seller) -> None:
    record_id = shared(seller, REFERRAL)
    copy = seller.deal(seller.clone(record_id, keep_identifier=False))
    original = seller.deal(record_id)
    assert (copy.referral_identifier, original.referral_identifier) == ("", REFERRAL)
    assert copy.id != original.id
    for name in ("name", "deal_value", "currency", "closing_date", "solutions", "help", "account_id", "referral_link"):
        assert getattr(copy, name) == getattr(original, name), name
    assert copy.referral_link == LINK
    assert copy.sync is True


def test_the_identifier_cannot_be_copied_because_it_is_unique(seller: Seller) -> None:
    record_id = shared(seller, REFERRAL.replace("01", "02"))
    with pytest.raises((DataverseRefusal, SalesforceRefusal), match=r"(?i)duplicate|key"):
        seller.clone(record_id, keep_identifier=True)
    assert len(seller.find(seller.deal(record_id).referral_identifier)) == 1


def test_a_copy_of_a_won_row_is_open_in_dynamics_and_won_in_salesforce(seller: Seller) -> None:
    record_id = seller.opportunity()
    seller.win(record_id)
    expected = {"dynamics365": Stage.ACTIVE, "salesforce": Stage.WON}
    assert seller.deal(seller.clone(record_id, keep_identifier=False)).stage is expected[seller.name]


def test_the_button_clone_leaves_empty_what_a_seller_may_only_read(vendors: Vendors) -> None:
    seller = SalesforceSeller(vendors)
    record_id = shared(seller, REFERRAL)
    copy = seller.deal(seller.press_clone(record_id))
    assert (copy.referral_identifier, copy.referral_link, copy.audit, copy.sync_status) == ("", "", "", "")
    assert (copy.sync, copy.deal_value, copy.help) == (
        True,
        seller.deal(record_id).deal_value,
        "CustomerTechnicalArchitecture",
    )


def test_rules_are_switched_at_either_desk(seller: Seller) -> None:
    assert {("POST", "/crm/rules"), ("DELETE", "/crm/rules")} <= set(seller.routes())
