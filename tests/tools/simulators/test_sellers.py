"""What a seller may do at a desk, whichever CRM it is: reopen and copy, and what the CRM refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.lifecycle import Stage
from tools.simulators.dataverse.errors import RefusedError as DataverseRefusal
from tools.simulators.salesforce.errors import RefusedError as SalesforceRefusal
from tools.simulators.sellers import DESKS
from tools.simulators.sellers.desk import CrmDesk
from tools.simulators.sellers.salesforce import SalesforceDesk
from tools.simulators.world import World

REFERRAL, LINK = "0b0e1a52-3a5c-4d63-9df1-6a5d1b1f0c01", "https://partner.microsoft.com/referrals/v2/inbox?id=1"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as running:
        yield running


@pytest.fixture(scope="module", params=DESKS)
def desk(request: pytest.FixtureRequest, world: World) -> CrmDesk:
    return DESKS[request.param](world)


def shared(desk: CrmDesk, referral_id: str) -> str:
    """An opportunity as the app leaves it."""
    record_id = desk.opportunity()
    names = {
        "dynamics365": ("cosell_referralidentifier", "cosell_referrallink"),
        "salesforce": ("Referral_Identifier__c", "Referral_Link__c"),
    }
    desk.routes()["PATCH", "/crm/opportunities/{id}"](
        {"id": record_id}, dict(zip(names[desk.name], (referral_id, LINK), strict=True))
    )
    return record_id


@pytest.mark.parametrize("end", ["win", "lose"])
def test_what_was_closed_is_open_again(desk: CrmDesk, end: str) -> None:
    record_id = desk.opportunity()
    getattr(desk, end)(record_id)
    assert desk.deal(record_id).stage is not Stage.ACTIVE
    desk.reopen(record_id)
    assert desk.deal(record_id).stage is Stage.ACTIVE


def test_a_copy_has_every_column_but_the_identifier(desk: CrmDesk) -> None:
    record_id = shared(desk, REFERRAL)
    copy = desk.deal(desk.clone(record_id, keep_identifier=False))
    original = desk.deal(record_id)
    assert (copy.referral_identifier, original.referral_identifier) == ("", REFERRAL)
    assert copy.id != original.id
    for name in ("name", "deal_value", "currency", "closing_date", "solutions", "help", "account_id", "referral_link"):
        assert getattr(copy, name) == getattr(original, name), name
    assert copy.referral_link == LINK
    assert copy.sync is True


def test_the_identifier_cannot_be_copied_because_it_is_unique(desk: CrmDesk) -> None:
    record_id = shared(desk, REFERRAL.replace("01", "02"))
    with pytest.raises((DataverseRefusal, SalesforceRefusal), match=r"(?i)duplicate|key"):
        desk.clone(record_id, keep_identifier=True)
    assert len(desk.find(desk.deal(record_id).referral_identifier)) == 1


def test_a_copy_of_a_won_row_is_open_in_dynamics_and_won_in_salesforce(desk: CrmDesk) -> None:
    record_id = desk.opportunity()
    desk.win(record_id)
    expected = {"dynamics365": Stage.ACTIVE, "salesforce": Stage.WON}
    assert desk.deal(desk.clone(record_id, keep_identifier=False)).stage is expected[desk.name]


def test_the_button_clone_leaves_empty_what_a_seller_may_only_read(world: World) -> None:
    desk = SalesforceDesk(world)
    record_id = shared(desk, REFERRAL)
    copy = desk.deal(desk.press_clone(record_id))
    assert (copy.referral_identifier, copy.referral_link, copy.audit, copy.sync_status) == ("", "", "", "")
    assert (copy.sync, copy.deal_value, copy.help) == (
        True,
        desk.deal(record_id).deal_value,
        "CustomerTechnicalArchitecture",
    )


def test_rules_are_switched_at_either_desk(desk: CrmDesk) -> None:
    assert {("POST", "/crm/rules"), ("DELETE", "/crm/rules")} <= set(desk.routes())
