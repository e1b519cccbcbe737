"""The process may die before and after every call of every scenario, and a second time while recovering."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.choices import CrmAudit
from shared.lifecycle import Stage
from shared.status import StatusKind
from tests.simulation.agreement import check_at_rest, check_audit, check_tied, disagreements
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.referral_rules import at
from tests.support.fakes.tape import Step, where_to_die
from tests.support.fakes.world import World

VALUE, NOTES = "/details/dealValue", "/details/notes"

Prepare = Callable[[World], Callable[[], object]]
"""Brings a world to where a scenario begins; returns what somebody does then."""


def _outbound_private(world: World) -> Callable[[], object]:
    return world.crm.add_deal


def _outbound_cosell(world: World) -> Callable[[], object]:
    return lambda: world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)


def _inbound(world: World) -> Callable[[], object]:
    return world.partner_center.invites_us


def _outbound_update(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    return lambda: world.crm.edit(record_id, estimatedvalue=1, cosell_products="SOL-1-ABC")


def _inbound_update(world: World) -> Callable[[], object]:
    referral_id, _ = shared(world)
    return lambda: world.partner_center.edit(referral_id, {VALUE: 2, "/name": "renamed"})


def _different_fields(world: World) -> Callable[[], object]:
    referral_id, record_id = shared(world)

    def act() -> None:
        world.crm.edit(record_id, estimatedvalue=3)
        world.partner_center.edit(referral_id, {NOTES: "theirs"})

    return act


def _same_field(world: World) -> Callable[[], object]:
    referral_id, record_id = shared(world)

    def act() -> None:
        world.crm.edit(record_id, estimatedvalue=4)
        world.partner_center.edit(referral_id, {VALUE: 5})

    return act


def _acceptance(world: World) -> Callable[[], object]:
    _, record_id = invited(world)
    return lambda: world.crm.edit(record_id, statuscode=1, estimatedvalue=6)


def _won_in_the_crm(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    return lambda: world.crm.close(record_id, Stage.WON)


def _lost_in_partner_center(world: World) -> Callable[[], object]:
    referral_id, _ = shared(world)

    def act() -> None:
        world.partner_center.edit(referral_id, {VALUE: 7})
        world.partner_center.close(referral_id, "Lost")

    return act


def _won_here_lost_there(world: World) -> Callable[[], object]:
    referral_id, record_id = shared(world)

    def act() -> None:
        world.crm.close(record_id, Stage.WON)
        world.partner_center.close(referral_id, "Lost")

    return act


def _existing_pair(world: World) -> Callable[[], object]:
    referral_id = world.partner_center.registers()
    world.events.clear()
    return lambda: world.crm.add_deal(cosell_referralidentifier=referral_id, estimatedvalue=8)


def _corrected_after_a_refusal(world: World) -> Callable[[], object]:
    record_id = world.crm.add_deal(cosell_products=None)
    world.settle()
    return lambda: world.crm.edit(record_id, cosell_products="SOL-20311-QXT")


def _microsoft_accepts(world: World) -> Callable[[], object]:
    referral_id, _ = shared(world, cosell_howcanmicrosofthelp=HELP)
    return lambda: world.partner_center.microsoft_accepts(world.partner_center.rows[referral_id]["engagementId"])


def _microsoft_declines(world: World) -> Callable[[], object]:
    referral_id, _ = shared(world, cosell_howcanmicrosofthelp=HELP)
    engagement = str(world.partner_center.rows[referral_id]["engagementId"])
    return lambda: world.partner_center.microsoft_declines(engagement, "No seller")


def _help_later(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    return lambda: world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP, estimatedvalue=9)


def _help_later_while_lists_lag(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    world.clock.advance(timedelta(minutes=5))
    world.partner_center.lag = timedelta(minutes=4)
    return lambda: world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP)


def _help_asked_by_a_colleague(world: World) -> Callable[[], object]:
    referral_id, _ = shared(world)
    return lambda: world.partner_center.invites_microsoft(referral_id, "CustomerTechnicalArchitecture")


SCENARIOS: list[Prepare] = [
    _outbound_private,
    _outbound_cosell,
    _inbound,
    _outbound_update,
    _inbound_update,
    _different_fields,
    _same_field,
    _acceptance,
    _won_in_the_crm,
    _lost_in_partner_center,
    _won_here_lost_there,
    _existing_pair,
    _corrected_after_a_refusal,
    _microsoft_accepts,
    _microsoft_declines,
    _help_later,
    _help_later_while_lists_lag,
    _help_asked_by_a_colleague,
]
MOST = 50
"""Second crashes that are tried for each first one."""

EACH = pytest.mark.parametrize("prepare", SCENARIOS, ids=lambda prepare: prepare.__name__.strip("_"))


def _steps(prepare: Prepare, crm_audit: CrmAudit = CrmAudit.EVERY_CHANGE) -> list[Step]:
    """Return the calls that a scenario makes when nothing goes wrong."""
    world = World(crm_audit=crm_audit)
    act = prepare(world)
    first = world.mark()
    act()
    world.settle()
    return world.tape.steps[first:]


def _relive(world: World, act: Callable[[], object]) -> None:
    act()
    world.settle()
    world.recover()
    assert not [each for each in world.chat.texts if "copy" in each], "there is none"


@EACH
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_one_crash_anywhere(prepare: Prepare, *, after: bool) -> None:
    for step in _steps(prepare):
        check_audit(_crashed(prepare, CrmAudit.EVERY_CHANGE, step.number, after=after))


@EACH
@pytest.mark.parametrize("crm_audit", [CrmAudit.CREATES_AND_FAILURES, CrmAudit.OFF])
def test_one_crash_around_any_effect_with_less_of_a_trail(prepare: Prepare, crm_audit: CrmAudit) -> None:
    for number in where_to_die(_steps(prepare, crm_audit)):
        _crashed(prepare, crm_audit, number, after=True)


def _crashed(prepare: Prepare, crm_audit: CrmAudit, number: int, *, after: bool) -> World:
    world = World(crm_audit=crm_audit)
    act = prepare(world)
    world.tape.crash_at(number, after=after)
    _relive(world, act)
    assert world.crashes == 1, number
    check_at_rest(world)
    return world


@EACH
def test_two_crashes_anywhere(prepare: Prepare) -> None:
    for first in where_to_die(_steps(prepare)):
        world = World()
        act = prepare(world)
        world.tape.crash_at(first, after=True)
        act()
        world.settle()
        points = where_to_die(world.tape.steps[first + 1 :])
        # A worker that waits for another's lease repeats the same calls; each first crash takes other ones of them.
        stride = 1 + len(points) // MOST
        for second in points[first % stride :: stride]:
            again = World()
            act = prepare(again)
            again.tape.crash_at(first, after=True)
            again.tape.crash_at(second, after=True)
            _relive(again, act)
            assert again.crashes == 2, (first, second)
            check_at_rest(again)


@EACH
def test_a_crash_and_then_an_edit_on_either_side(prepare: Prepare) -> None:
    for number in where_to_die(_steps(prepare)):
        for side in ("record", "referral"):
            world = World()
            act = prepare(world)
            world.tape.crash_at(number, after=True)
            world.tape.after.append(_edit_afterwards(world, number, side))
            _relive(world, act)
            _check_told(world)


def _check_told(world: World) -> None:
    """The sides agree, or what is different is what the link names, and the record says so."""
    (link,) = world.links()
    if not link.differences:
        check_at_rest(world)
        return
    assert {each.split(":")[0] for each in disagreements(world, link)} == set(link.differences)
    assert link.status
    assert link.status.kind is not StatusKind.SYNCHRONIZED
    check_tied(world, link)
    assert world.queue.messages == []


def _edit_afterwards(world: World, number: int, side: str) -> Callable[[Step], None]:
    """Return a hook that edits one side just after the process died."""

    def edit(step: Step) -> None:
        if step.number != number + 1:
            return
        if side == "record":
            for record_id, row in world.crm.rows().items():
                if row["statecode"] == 0:
                    world.crm.edit(record_id, estimatedvalue=90)
        else:
            for row in world.partner_center.ours():
                if row["status"] != "Closed":
                    world.partner_center.edit(str(row["id"]), {"/details/currency": "USD"})

    return edit


@EACH
def test_the_ledger_is_lost(prepare: Prepare) -> None:
    """Losing every base deletes, clears and doubles nothing (P13)."""
    world = World()
    act = prepare(world)
    act()
    world.settle()
    held = _both_sides(world)
    ours, records = len(world.partner_center.ours()), len(world.crm.rows())
    world.lose_the_ledger()
    for record_id, row in world.crm.rows().items():
        if row["statecode"] == 0:
            world.crm.edit(record_id, parentcontactid=None)
    world.settle()
    world.recover()
    assert (len(world.partner_center.ours()), len(world.crm.rows())) == (ours, records)
    assert _both_sides(world) == held


def _both_sides(world: World) -> list[object]:
    deals: list[object] = []
    for row in world.partner_center.ours():
        deals.append([at(row, VALUE), at(row, NOTES), row["name"], row["status"], row["substatus"]])
    for record in world.crm.rows().values():
        deals.append([record[name] for name in ("estimatedvalue", "description", "name", "statecode", "statuscode")])
    return deals


def test_an_update_is_written_once_whatever_crashes() -> None:
    """Crash or not, each side is written at most once more than without (P3, P4)."""
    for number in where_to_die(_steps(_different_fields)):
        world = World()
        act = _different_fields(world)
        world.tape.crash_at(number, after=True)
        start = world.mark()
        _relive(world, act)
        spent = world.calls(start)
        assert spent["partner_center.update"] <= 3
        assert spent["crm.update"] <= 4


def _number_of(port: str, name: str) -> int:
    """Return the number of the first such call while a record is shared."""
    calm = World()
    calm.crm.add_deal()
    calm.settle()
    return next(each.number for each in calm.tape.steps if (each.port, each.name) == (port, name))


def test_a_referral_that_was_tied_to_another_record_meanwhile_is_not_waited_for() -> None:
    """The process dies before its own record is told; a seller types the id on another one. A person decides."""
    world = World()
    world.crm.add_deal()
    world.poll()
    world.tape.crash_at(_number_of("crm", "update"), after=False)
    world.pump()
    world.events.clear()  # They would have the interrupted creation finished first.
    other = world.crm.add_deal(cosell_referralidentifier=world.referral_id())
    world.poll()
    world.pump()
    world.settle()
    world.recover()
    assert world.link().record_id == other
    assert world.queue.messages == []
    assert len(world.partner_center.ours()) == 1
    assert [str(each.problems[0].code) for each in world.parked()] == ["identifier.copied"]
