"""What a person puts right beside the record is noticed by itself, soon, at a bounded cost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.crm.beside import MOST
from shared.errors import DataError
from shared.problems import problem
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP
from tests.support.fakes.world import World

MINUTE = timedelta(minutes=1)


def pass_time(world: World, minutes: int, step: int = 1) -> None:
    """Let the poller tick every minute, without the Reconciler."""
    for _ in range(0, minutes, step):
        world.clock.advance(step * MINUTE)
        world.settle()


def next_poll(world: World) -> None:
    """Let the poller tick once, and the worker take what it found."""
    world.clock.advance(MINUTE)
    world.poll()
    world.pump()


@pytest.fixture
def world() -> World:
    return World()


def incomplete(world: World) -> tuple[str, str]:
    """A deal whose account lacks its street; returns the ids of account and record."""
    account = world.crm.add_account(address1_line1=None)
    record_id = world.crm.add_deal(parentaccountid=account, parentcontactid=world.crm.add_contact())
    world.settle()
    assert world.partner_center.ours() == []
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith(
        "✖ Enter the street on the account. It is checked"
    )
    return account, record_id


def test_an_account_that_is_completed_is_noticed_within_minutes(world: World) -> None:
    account, _ = incomplete(world)
    pass_time(world, 3)
    world.crm.accounts[account]["address1_line1"] = "1 Main Street"
    pass_time(world, 6)
    assert len(world.partner_center.ours()) == 1
    check_agreed(world)


def day_and_a_half(world: World) -> None:
    """Let a parked deal grow so old that its schedule brings it once a day."""
    pass_time(world, 36 * 60, 15)


def test_what_the_remedy_names_is_noticed_at_the_next_poll_however_long_it_took(world: World) -> None:
    account, _ = incomplete(world)
    day_and_a_half(world)
    world.crm.accounts[account]["address1_line1"] = "1 Main Street"
    next_poll(world)
    assert len(world.partner_center.ours()) == 1
    check_agreed(world)


def test_each_edit_is_looked_at_once(world: World) -> None:
    account, _ = incomplete(world)
    day_and_a_half(world)
    for city, looked in (("Bath", 1), ("Bath", 0), ("Leeds", 1)):
        world.crm.accounts[account]["address1_city"] = city
        start = world.mark()
        next_poll(world)
        assert world.calls(start).get("crm.account", 0) == looked
    assert world.partner_center.ours() == []


@pytest.mark.parametrize("who", ["contact", "owner"])
def test_people_are_noticed_like_accounts(world: World, who: str) -> None:
    contact, owner = world.crm.add_contact(), world.crm.seller
    lacking = world.crm.contacts[contact] if who == "contact" else world.crm.users[owner]
    column = "telephone1" if who == "contact" else "mobilephone"
    phone, lacking[column] = lacking[column], None
    account = world.crm.add_account()
    world.crm.add_deal(parentaccountid=account, parentcontactid=contact, cosell_howcanmicrosofthelp=HELP)
    world.settle()
    assert world.partner_center.ours() == []
    day_and_a_half(world)
    lacking[column] = phone
    next_poll(world)
    assert len(world.partner_center.ours()) == 1


def test_help_asked_for_later_waits_for_the_contact(world: World) -> None:
    contact = world.crm.add_contact(telephone1=None)
    record_id = world.crm.add_deal(parentaccountid=world.crm.add_account(), parentcontactid=contact)
    world.settle()
    world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP)
    world.settle()
    assert len(world.partner_center.rows) == 1, "Microsoft is not invited"
    day_and_a_half(world)
    world.crm.contacts[contact]["telephone1"] = "+441170000000"
    next_poll(world)
    assert len(world.partner_center.rows) == 2, "Microsoft is invited"


def test_nothing_is_asked_for_what_a_feed_tells_of(world: World) -> None:
    world.crm.add_deal(cosell_products=None)
    world.settle()
    assert len(world.parked()) == 1
    start = world.mark()
    pass_time(world, 60)
    assert "crm.beside" not in world.calls(start)


def test_one_question_for_many_and_none_when_they_are_well(world: World) -> None:
    accounts = [incomplete(world)[0] for _ in range(MOST + 3)]
    world.poll()
    start = world.mark()
    world.clock.advance(MINUTE)
    world.poll()
    assert world.calls(start)["crm.beside"] == 1
    for account in accounts:
        world.crm.accounts[account]["address1_line1"] = "1 Main Street"
    pass_time(world, 36 * 60, 60)
    assert len(world.partner_center.ours()) == MOST + 3, "those who were not watched have their schedule"
    start = world.mark()
    pass_time(world, 10)
    assert "crm.beside" not in world.calls(start)


def test_a_crm_that_cannot_be_asked_delays_nothing(world: World) -> None:
    account, _ = incomplete(world)
    refused = DataError(problem("crm.refused", "record", crm="Dynamics 365", message="no"))
    fault = world.tape.fail(refused, "crm", "beside", times=None)
    world.crm.accounts[account]["address1_line1"] = "1 Main Street"
    pass_time(world, 6)
    assert len(world.partner_center.ours()) == 1
    assert fault.fired


def test_nobody_touches_it_and_it_costs_less_and_less(world: World) -> None:
    incomplete(world)
    spent = []
    for _ in range(4):
        start = world.mark()
        pass_time(world, 24 * 60, 15)
        calls = world.calls(start)
        spent.append(sum(calls.values()) - calls["crm.beside"])
        assert calls["crm.beside"] <= 24 * 4 + 10, "one question a poll"
    assert spent[0] <= 6 * 5, "six looks of up to five reads"
    assert spent[2] <= 5
    assert spent[3] <= 5
    assert sum(step.name == "update" for step in world.tape.steps) == 1, "its record says so once"
