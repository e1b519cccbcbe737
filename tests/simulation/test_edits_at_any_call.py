"""A person edits a field at any call of the app: the edit is what both sides hold in the end, and nothing older.

No process dies here and no call fails, so that nothing excuses a lost edit: neither that the deal was just being made,
nor that the app was about to write the same side.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.oracle.spelling import BY_NAME, at
from tests.simulation.agreement import accept_invitations, check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

Start = Callable[[World], Callable[[], object]]
VALUE = BY_NAME["deal_value"]
TYPED = 777_000


def _outbound(world: World) -> Callable[[], object]:
    return world.crm.add_deal


def _outbound_with_help(world: World) -> Callable[[], object]:
    return lambda: world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)


def _registered_there(world: World) -> Callable[[], object]:
    return world.partner_center.registers


def _invited_there(world: World) -> Callable[[], object]:
    return world.partner_center.invites_us


def _notes_here(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    return lambda: world.crm.edit(record_id, description="edited here")


def _notes_there(world: World) -> Callable[[], object]:
    referral_id, _ = shared(world)
    return lambda: world.partner_center.edit(referral_id, {"/details/notes": "edited there"})


def _accepted(world: World) -> Callable[[], object]:
    referral_id, _ = invited(world)
    return lambda: world.partner_center.accept(referral_id)


def _help_later(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    return lambda: world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP)


STARTS: list[Start] = [
    _outbound,
    _outbound_with_help,
    _registered_there,
    _invited_there,
    _notes_here,
    _notes_there,
    _accepted,
    _help_later,
]


def _work(world: World, act: Callable[[], object]) -> None:
    """Let the app do everything that an act leads to."""
    act()
    world.receive_all()
    world.poll()
    world.pump()


def _type_here(world: World) -> bool:
    for record_id in world.crm.rows():
        world.crm.edit(record_id, estimatedvalue=TYPED)
        return True
    return False


def _type_there(world: World) -> bool:
    for row in world.partner_center.ours():
        world.partner_center.edit(str(row["id"]), {"/details/dealValue": TYPED})
        return True
    return False


@pytest.mark.parametrize("start", STARTS, ids=lambda each: each.__name__.strip("_"))
@pytest.mark.parametrize("type_value", [_type_here, _type_there], ids=lambda each: each.__name__.strip("_"))
def test_an_edit_at_any_call_is_what_both_sides_hold(start: Start, type_value: Callable[[World], bool]) -> None:
    dry = World()
    act = start(dry)
    first = dry.mark()
    _work(dry, act)
    typed = 0
    for number in range(first, dry.mark()):
        world = World()
        act = start(world)
        when = _When(world, number, type_value)
        world.tape.after.append(when.step)
        _work(world, act)
        world.settle()
        world.recover()
        accept_invitations(world)
        check_agreed(world)
        typed += when.typed
        if when.typed:
            (row,) = world.partner_center.ours()
            assert VALUE.there(at(row, VALUE.path)) == Decimal(TYPED), (number, world.history())
    assert typed


class _When:
    """Types a value once, just after the answer of the call with a number."""

    def __init__(self, world: World, number: int, type_value: Callable[[World], bool]) -> None:
        self._world, self._number, self._type = world, number, type_value
        self.typed = False

    def step(self, step: Step) -> None:
        """Look at a call."""
        if step.number == self._number:
            self.typed = self._type(self._world)
