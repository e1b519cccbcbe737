"""An account or contact is edited after the deal was shared: sent where Partner Center takes it, else shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import DataError, ServiceUnavailable
from shared.problems import problem
from tests.simulation.deals import HELP, shared
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

OLIVE, NORA = "olive@contoso.example", "nora@contoso.example"


@pytest.fixture
def world() -> World:
    return World()


def customer_of(world: World, record_id: str) -> tuple[str, str]:
    row = world.crm.row(record_id)
    return str(row["parentaccountid"]), str(row["parentcontactid"])


def hours_pass(world: World, hours: int = 1) -> None:
    for _ in range(hours):
        world.reconcile()
        world.settle()
        world.clock.advance(timedelta(minutes=61))
    world.reconcile()
    world.settle()


def status(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)["cosell_syncstatus"])


def contacts(world: World, referral_id: str) -> list[str]:
    return [each["email"] for each in world.partner_center.rows[referral_id]["customerProfile"]["team"]]


def test_a_renamed_account_is_a_kept_difference_that_is_shown_once(world: World) -> None:
    referral_id, record_id = shared(world)
    account, _ = customer_of(world, record_id)
    hours_pass(world)
    assert status(world, record_id).startswith("✔")
    assert "kept" not in status(world, record_id)
    world.crm.accounts[account] |= {"name": "Contoso Adventures", "address1_city": "Bath"}
    hours_pass(world)
    assert "kept: customer name" in status(world, record_id)
    assert "Contoso Outdoor & Sons / Contoso Adventures" in str(world.crm.row(record_id)["cosell_audit"])
    lines = len(world.audit_of(referral_id))
    hours_pass(world, 3)
    assert len(world.audit_of(referral_id)) == lines
    _, contact = customer_of(world, record_id)
    world.crm.contacts[contact]["telephone1"] = "+47"
    hours_pass(world)
    assert sum("Contoso Adventures" in each.text for each in world.audit_of(referral_id)) == 1, "and told once"
    world.crm.edit(record_id, estimatedvalue=7)
    world.settle()
    assert "kept: customer name" in status(world, record_id), "an edit of something else does not forget it"
    world.crm.accounts[account] |= {"name": "Contoso Outdoor & Sons", "address1_city": "Bristol"}
    hours_pass(world)
    assert "kept" not in status(world, record_id)


def test_a_contact_who_is_replaced_or_edited_is_sent(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    assert contacts(world, referral_id) == [OLIVE]
    hours_pass(world)
    nora = world.crm.add_contact(firstname="Nora", lastname="Ek", emailaddress1=NORA)
    world.crm.edit(record_id, parentcontactid=nora)
    hours_pass(world)
    assert contacts(world, referral_id) == [NORA]
    world.crm.contacts[nora]["telephone1"] = "+46"
    hours_pass(world)
    assert at(world.partner_center.rows[referral_id], "/customerProfile/team")[0]["phoneNumber"] == "+46"
    assert "the customer's contact was sent" in str(world.crm.row(record_id)["cosell_audit"])
    assert "kept" not in status(world, record_id)


def test_a_colleague_of_the_contact_stays(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    other = {"firstName": "Bo", "lastName": "Li", "email": "bo@contoso.example", "phoneNumber": "+1", "title": "CTO"}
    team = at(world.partner_center.rows[referral_id], "/customerProfile/team")
    world.partner_center.edit(referral_id, {"/customerProfile/team": [*team, other]})
    hours_pass(world)
    nora = world.crm.add_contact(firstname="Nora", lastname="Ek", emailaddress1=NORA)
    world.crm.edit(record_id, parentcontactid=nora)
    hours_pass(world)
    assert contacts(world, referral_id) == [NORA, "bo@contoso.example"]
    assert at(world.partner_center.rows[referral_id], "/customerProfile/team")[1]["title"] == "CTO"


def test_a_contact_whom_partner_center_refuses_is_a_kept_difference(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    hours_pass(world)
    frozen = problem("partner_center.refused", "contact", message="frozen once Microsoft is invited")
    _, olive = customer_of(world, record_id)
    world.crm.contacts[olive]["telephone1"] = "+46"
    world.tape.fail(DataError(frozen), "partner_center", "update")
    hours_pass(world)
    assert contacts(world, referral_id) == [OLIVE]
    assert "kept: customer contact" in status(world, record_id)
    assert world.parked() == []


def test_a_contact_who_never_travelled_does_not(world: World) -> None:
    referral_id, record_id = shared(world)
    assert contacts(world, referral_id) == []
    hours_pass(world)
    _, olive = customer_of(world, record_id)
    world.crm.contacts[olive]["telephone1"] = "+46"
    hours_pass(world)
    assert contacts(world, referral_id) == []


def test_it_costs_one_call_an_hour_and_a_look_where_something_changed(world: World) -> None:
    _, record_id = shared(world)
    hours_pass(world)
    start = world.mark()
    hours_pass(world)
    spent = world.calls(start)
    assert spent["crm.beside_edited"] == spent["crm.beside"] == 1
    assert "partner_center.update" not in spent
    assert "crm.account" not in spent, "what is as it was is not looked at again"
    world.reconcile()
    assert world.calls(world.mark()) == {}, "and nothing within the hour"
    assert record_id


def test_a_failure_on_the_way_forgets_nothing(world: World) -> None:
    _, record_id = shared(world)
    account, _ = customer_of(world, record_id)
    hours_pass(world)
    world.crm.accounts[account]["name"] = "Contoso Adventures"
    world.tape.fail(ServiceUnavailable("down"), "crm", "account")
    hours_pass(world)
    world.recover()
    assert "kept: customer name" in status(world, record_id)


def test_a_paused_or_closed_deal_is_left_alone(world: World) -> None:
    referral_id, record_id = shared(world)
    account, _ = customer_of(world, record_id)
    hours_pass(world)
    world.crm.edit(record_id, cosell_syncwithpartnercenter=False)
    world.settle()
    before = status(world, record_id), len(world.audit_of(referral_id))
    world.crm.accounts[account]["name"] = "Contoso Adventures"
    hours_pass(world)
    assert (status(world, record_id), len(world.audit_of(referral_id))) == before
