"""What a person puts right beside the record is noticed by itself, soon, at a bounded cost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.simulation.agreement import check_agreed
from tests.support.fakes.world import World

MINUTE = timedelta(minutes=1)


def pass_time(world: World, minutes: int, step: int = 1) -> None:
    """Let the poller tick every minute, without the Reconciler."""
    for _ in range(0, minutes, step):
        world.clock.advance(step * MINUTE)
        world.settle()


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


def test_nobody_touches_it_and_it_costs_less_and_less(world: World) -> None:
    incomplete(world)
    spent = []
    for _ in range(4):
        start = world.mark()
        pass_time(world, 24 * 60, 15)
        spent.append(sum(world.calls(start).values()))
    assert spent[0] <= 6 * 5, "six looks of up to five reads"
    assert spent[2] <= 5
    assert spent[3] <= 5
    assert sum(step.name == "update" for step in world.tape.steps) == 1, "its record says so once"
