"""An invitation that looks like a deal which its customer has open already: a person says whether it is that one."""

from __future__ import annotations

import pytest

from shared.ledger.model import Due
from shared.mapping.field_map import FieldMap
from tests.simulation.test_orders import order, ordered
from tests.support.desks import Visitor
from tests.support.fakes.world import World, built_in_mapping

SYNC = "cosell_syncwithpartnercenter"


@pytest.fixture
def world() -> World:
    return World()


def northwind(world: World, **columns: object) -> str:
    """A seller entered the very deal before Microsoft invites us to it, and does not synchronize it."""
    account = world.crm.add_account(name="Northwind Traders", address1_postalcode="LS1 4DL")
    ready: dict[str, object] = {"name": "Northwind Analytics Rollout", "estimatedvalue": 42000, SYNC: False}
    return world.crm.add_deal(**{"parentaccountid": account, **ready, **columns})


def invited(world: World, **changes: object) -> str:
    referral_id = world.partner_center.invites_us(**changes)
    world.settle()
    return referral_id


def waits(world: World, referral_id: str) -> Due:
    (due,) = world.parked()
    assert [each.code for each in due.problems] == ["deal.looks_alike"]
    assert world.links() == []
    assert referral_id in due.message
    return due


def test_it_waits_and_is_shown_wherever_a_person_looks(world: World) -> None:
    record_id = northwind(world)
    referral_id = invited(world)
    due = waits(world, referral_id)
    assert dict(due.problems[0].values) == {"name": "Northwind Analytics Rollout", "record": record_id}
    assert len(world.crm.rows()) == 1, "nothing was doubled"
    (text,) = (entry.text for entry in world.audit_of(referral_id))
    assert record_id in text
    assert [referral_id in each and record_id in each for each in world.chat.texts] == [True]
    (parked,) = Visitor(world).data()["parked"]
    assert "cosell.py link" in parked["problems"][0]["remedy"]
    assert world.crm.row(record_id)[SYNC] is False, "the record is only compared"


def test_it_is_told_once_however_often_it_is_looked_at(world: World) -> None:
    northwind(world)
    referral_id = invited(world)
    told = len(world.chat.texts)
    world.recover()
    waits(world, referral_id)
    assert len(world.chat.texts) == told
    assert len(world.audit_of(referral_id)) == 1


def test_it_is_linked_with_that_record(world: World) -> None:
    record_id = northwind(world)
    referral_id = invited(world)
    world.crm.edit(record_id, **{SYNC: True, "cosell_products": None})
    world.settle()
    ordered(world, "link", referral_id, record=record_id)
    assert [(each.referral_id, each.record_id) for each in world.links()] == [(referral_id, record_id)]
    assert len(world.crm.rows()) == 1
    assert referral_id not in [due.key for due in world.parked()]
    assert world.alerts.raised() == {}


def test_it_becomes_a_record_of_its_own_when_a_person_says_so(world: World) -> None:
    record_id = northwind(world)
    referral_id = invited(world)
    fields = Visitor(world).page(deal=referral_id).all("input")
    assert [each["value"] for each in fields if each["name"] == "action"] == ["retry", "create"]
    ordered(world, "create", referral_id)
    (link,) = world.links()
    assert (link.referral_id, link.record_id == record_id) == (referral_id, False)
    assert world.parked() == []
    assert world.alerts.raised() == {}
    assert world.crm.row(link.record_id)["name"] == "Northwind analytics rollout"
    assert order(world, "create", referral_id)[0] == 409, "it waits for nobody any more"


@pytest.mark.parametrize("step", range(12))
def test_a_death_between_the_order_and_the_record_makes_no_second_one(world: World, step: int) -> None:
    northwind(world)
    referral_id = invited(world)
    assert order(world, "create", referral_id)[0] == 202
    world.tape.crash_at(world.mark() + step, after=step % 2 == 0)
    world.settle()
    world.recover()
    assert [each.referral_id for each in world.links()] == [referral_id]
    assert len(world.crm.rows()) == 2


def test_it_goes_on_by_itself_once_the_other_deal_is_over(world: World) -> None:
    record_id = northwind(world)
    referral_id = invited(world)
    world.crm.edit(record_id, statecode=2, statuscode=4)
    world.recover()
    assert [each.referral_id for each in world.links()] == [referral_id]
    assert world.alerts.raised() == {}


@pytest.mark.parametrize(
    "columns",
    [
        {"name": "Till receipts", "estimatedvalue": 7},
        {"name": "Till receipts", "estimatedvalue": 7, "estimatedclosedate": "2027-03-31"},
        {"cosell_referralidentifier": "0f6f6a2e-50f7-4a39-9a6c-6f0c6f6d5a11"},
        {"statecode": 1, "statuscode": 3},
        {"parentaccountid": None},
    ],
    ids=["another deal", "another that ends on the same day", "a shared one", "a closed one", "of no customer"],
)
def test_what_is_no_evidence_keeps_nothing_back(world: World, columns: dict[str, object]) -> None:
    northwind(world, **columns)
    referral_id = invited(world)
    assert referral_id in [each.referral_id for each in world.links()]


@pytest.mark.parametrize("columns", [{"estimatedvalue": 7}, {"name": "Till receipts"}], ids=["the name", "the value"])
def test_name_or_value_is_evidence(world: World, columns: dict[str, object]) -> None:
    northwind(world, **columns)
    waits(world, invited(world))


def test_the_mapping_may_let_every_referral_be_a_record(world: World) -> None:
    northwind(world)
    file = built_in_mapping().file.model_copy(update={"duplicates": "create"})
    world.configure(field_map=FieldMap(file))
    referral_id = invited(world)
    assert [each.referral_id for each in world.links()] == [referral_id]


def test_a_record_that_a_link_ties_though_it_lost_its_identifier_is_not_proposed(world: World) -> None:
    record_id = northwind(world, **{SYNC: True})
    world.settle()
    assert world.link_of_record(record_id)
    world.crm.edit(record_id, cosell_referralidentifier=None)
    referral_id = world.partner_center.invites_us()
    world.receive_all()
    world.pump()
    assert referral_id in [each.referral_id for each in world.links()]


def test_two_equal_deals_of_two_sellers_are_two_referrals(world: World) -> None:
    """Equal values are no proof, and a genuine deal kept back would cost more than a doubled one (docs/LIMITS.md)."""
    first, second = northwind(world, **{SYNC: True}), northwind(world, **{SYNC: True})
    world.settle()
    assert {each.record_id for each in world.links()} == {first, second}
