"""Deadlines: on the agenda with the decision that sets them, said on the record, reminded of once, dropped when met."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.deadline import DeadlineKind
from shared.errors import ServiceUnavailable
from shared.ledger.model import Due, DueKind
from shared.lifecycle import Stage
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World


@pytest.fixture
def world() -> World:
    return World()


def deadlines(world: World) -> list[Due]:
    return list(world.ledger.of("dynamics365").agenda.all(DueKind.DEADLINE))


def pass_days(world: World, days: int) -> list[str]:
    """Let days pass, tick by tick of four hours; returns the status that the record shows at each end of day."""
    shown = []
    for _ in range(days):
        for _ in range(6):
            world.clock.advance(timedelta(hours=4))
            world.reconcile()
            world.settle()
        link = world.link()
        assert link.status
        shown.append(link.status.text)
    return shown


def test_an_invitation_is_due_when_it_expires_and_the_record_says_so(world: World) -> None:
    referral_id, _ = invited(world)
    (due,) = deadlines(world)
    created = world.link().created_at
    assert created is not None
    assert (due.key, due.reason, due.until) == (referral_id, DeadlineKind.DECIDE, created + timedelta(days=14))
    assert due.at == created + timedelta(days=7)
    status = world.link().status
    assert status is not None
    assert status.kind is StatusKind.SYNCHRONIZED
    assert f"decide by {due.until:%Y-%m-%d}" in status.text
    check_agreed(world)


def test_the_day_that_partner_center_names_counts(world: World) -> None:
    invited(world, expirationDateTime="2026-03-09T00:00:00Z")
    (due,) = deadlines(world)
    assert due.until is not None
    assert f"{due.until:%Y-%m-%d}" == "2026-03-09"


def test_setting_it_costs_no_request_of_its_own(world: World) -> None:
    start = world.mark()
    invited(world)
    steps = [step.name for step in world.tape.steps[start:]]
    assert "links.commit" in steps
    assert not {"agenda.put", "agenda.drop"} & set(steps)
    deadline = deadlines(world)
    assert len(deadline) == 1


def test_people_are_reminded_on_the_record_at_a_read_and_a_write_each_and_never_doubled(world: World) -> None:
    invited(world)
    assert all(each.startswith("✔ Synchronized") for each in pass_days(world, 6))
    start = world.mark()
    shown = pass_days(world, 4)
    assert shown[-1].startswith("✖ Decide by 2026-03-16: move the record on")
    mine = [step for step in world.tape.steps[start:] if step.port == "crm" and step.name == "update"]
    assert len(mine) == 1, "the status changes once"
    assert len(deadlines(world)) == 1


@pytest.mark.parametrize("how", ["accepted", "declined", "expired", "switched off", "deleted"])
def test_it_is_dropped_once_it_is_met(world: World, how: str) -> None:
    referral_id, record_id = invited(world)
    match how:
        case "accepted":
            world.crm.edit(record_id, statuscode=1)
        case "declined":
            world.crm.close(record_id, Stage.LOST)
        case "expired":
            world.partner_center.close(referral_id, "Expired")
        case "switched off":
            world.crm.edit(record_id, **{SYNC: False})
        case "deleted":
            world.partner_center.delete(referral_id)
            world.clock.advance(timedelta(days=8))
            world.reconcile()
    world.settle()
    assert deadlines(world) == []
    assert world.link().deadline is None


def test_switched_on_again_it_is_due_again(world: World) -> None:
    _, record_id = invited(world)
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    world.crm.edit(record_id, **{SYNC: True})
    world.settle()
    assert [each.reason for each in deadlines(world)] == [DeadlineKind.DECIDE]


def test_a_win_is_to_be_registered_until_somebody_has(world: World) -> None:
    _, record_id = shared(world, cosell_howcanmicrosofthelp=HELP, estimatedvalue=90_000)
    world.clock.advance(timedelta(days=4))
    world.settle()
    world.crm.close(record_id, Stage.WON)
    world.settle()
    (due,) = deadlines(world)
    assert due.reason == DeadlineKind.REGISTER
    assert due.until is not None
    assert timedelta(days=59) < due.until - world.clock.now() <= timedelta(days=60)
    world.recover()
    assert [each.until for each in deadlines(world)] == [due.until]


def test_a_stop_between_commit_and_drop_leaves_nothing_for_ever(world: World) -> None:
    referral_id, _ = invited(world)
    world.tape.fail(ServiceUnavailable("down"), "ledger", "agenda.drop", times=None)
    world.partner_center.accept(referral_id)
    world.settle()
    world.tape.faults.clear()
    assert world.link().deadline is None
    world.clock.advance(timedelta(days=8))
    world.reconcile()
    world.settle()
    world.recover()
    assert deadlines(world) == []
    check_agreed(world)
