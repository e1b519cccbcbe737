"""Two workers on one deal at once: the second runs through at each call of the first, as often as there are calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.choices import CrmAudit
from shared.crm.port import Record
from shared.errors import OutcomeUnknown
from shared.lifecycle import Stage
from shared.link import Link, LinkState
from shared.queue.message import PARTNER_CENTER, DealMessage
from tests.simulation.agreement import accept_invitations, check_agreed, check_at_rest, check_audit
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.tape import Crash, Step
from tests.support.fakes.world import World

VALUE = "/details/dealValue"

Start = Callable[[World], Callable[[], object]]


def _outbound(world: World) -> Callable[[], object]:
    return lambda: world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)


def _inbound(world: World) -> Callable[[], object]:
    return world.partner_center.invites_us


def _outbound_update(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    return lambda: world.crm.edit(record_id, estimatedvalue=1)


def _inbound_update(world: World) -> Callable[[], object]:
    referral_id, _ = shared(world)
    return lambda: world.partner_center.edit(referral_id, {VALUE: 2})


def _both(world: World) -> Callable[[], object]:
    referral_id, record_id = invited(world)

    def act() -> None:
        world.crm.edit(record_id, estimatedvalue=3, description="ours")
        world.partner_center.edit(referral_id, {VALUE: 4, "/details/currency": "USD"})

    return act


def _both_close(world: World) -> Callable[[], object]:
    referral_id, record_id = shared(world)

    def act() -> None:
        world.crm.close(record_id, Stage.WON)
        world.partner_center.close(referral_id, "Lost")

    return act


def _pause(world: World) -> Callable[[], object]:
    _, record_id = shared(world)
    return lambda: world.crm.edit(record_id, cosell_syncwithpartnercenter=False)


STARTS: list[Start] = [_outbound, _inbound, _outbound_update, _inbound_update, _both, _both_close]
PASSES = pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__.strip("_"))


def _first_worker(world: World, action: Callable[[], object]) -> None:
    """Everything that one round of deliveries leads to."""
    action()
    world.receive_all()
    world.poll()
    world.pump()


def _second_worker(world: World) -> None:
    """Another instance: takes what is on the queue, the first one's message included, and polls and sweeps."""
    world.another_receiver()
    world.receive_all()
    world.poll()
    for message in list(world.queue.due()):
        world.worker.run(message.text)


def _interfere_at(world: World, number: int, second: Callable[[], object]) -> None:
    def interfere(step: Step) -> None:
        if step.number == number:
            world.tape.before.remove(interfere)
            second()

    world.tape.before.append(interfere)


def _steps(start: Start, crm_audit: CrmAudit, slow_guard: bool = False) -> range:
    world = World(crm_audit=crm_audit)
    world.crm.slow_guard = slow_guard
    action = start(world)
    first = world.mark()
    _first_worker(world, action)
    return range(first, world.mark())


@PASSES
@pytest.mark.parametrize(
    ("crm_audit", "slow_guard"),
    [*((each, False) for each in CrmAudit), (CrmAudit.EVERY_CHANGE, True)],
    ids=[*CrmAudit, "slow guard"],
)
def test_a_second_worker_at_every_call(start: Start, crm_audit: CrmAudit, slow_guard: bool) -> None:
    for number in _steps(start, crm_audit, slow_guard):
        world = World(crm_audit=crm_audit)
        world.crm.slow_guard = slow_guard
        action = start(world)
        _interfere_at(world, number, lambda world=world: _second_worker(world))  # type: ignore[misc]
        _first_worker(world, action)
        world.settle()
        if crm_audit is CrmAudit.EVERY_CHANGE:
            check_audit(world)
        world.recover()
        accept_invitations(world)
        check_at_rest(world)


@pytest.mark.parametrize("start", STARTS[:-1], ids=lambda start: start.__name__.strip("_"))
def test_an_edit_on_either_side_at_every_call(start: Start) -> None:
    for number in _steps(start, CrmAudit.EVERY_CHANGE):
        for edit in (_edit_the_record, _edit_the_referral):
            world = World()
            action = start(world)
            _interfere_at(world, number, lambda world=world, edit=edit: edit(world))  # type: ignore[misc]
            _first_worker(world, action)
            world.settle()
            world.recover()
            accept_invitations(world)
            check_agreed(world)


def _edit_the_record(world: World) -> None:
    for record_id, row in world.crm.rows().items():
        if row["statecode"] == 0:
            world.crm.edit(record_id, cosell_products="SOL-5-XYZ")


def _edit_the_referral(world: World) -> None:
    for row in world.partner_center.ours():
        if row["status"] != "Closed":
            world.partner_center.edit(row["id"], {"/referralProgram": "meanwhile"})


def test_the_created_event_overtakes_the_commit_of_an_outbound_create() -> None:
    world = World()
    world.crm.add_deal()
    world.poll()

    def at_once(step: Step) -> None:
        if (step.port, step.name) == ("partner_center", "create"):
            world.tape.after.remove(at_once)
            world.receive_all()
            (_, event) = world.queue.due()
            world.queue.deliver(event, world.worker.run)
            assert world.crm.row(world.record_id())["cosell_syncstatus"] is None
            (_, later) = world.queue.messages
            assert later.visible_at > world.clock.now() + timedelta(seconds=10)

    world.tape.after.append(at_once)
    world.pump()
    world.settle()
    check_agreed(world)


@pytest.mark.parametrize("start", [_outbound, _outbound_update], ids=["create", "update"])
def test_a_guard_that_needs_time_gets_it_before_the_first_write(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    action = start(world)
    mark, written = world.mark(), list[int]()

    def wait_until_guard_holds(_record: Record) -> bool:
        written.append(_writes(world, mark))
        return False

    monkeypatch.setattr(world.crm, "wait_until_guard_holds", wait_until_guard_holds)
    _first_worker(world, action)
    assert written[0] == 0


@pytest.mark.parametrize("start", [_outbound_update, _inbound_update, _both, _both_close, _pause])
def test_what_another_worker_does_while_the_guard_needs_time_is_not_written_over(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    action = start(world)
    left = list[int]()

    def wait_until_guard_holds(_record: Record) -> bool:
        monkeypatch.undo()  # The other one waits for nothing.
        _second_worker(world)
        left.append(world.mark())
        return True

    monkeypatch.setattr(world.crm, "wait_until_guard_holds", wait_until_guard_holds)
    _first_worker(world, action)
    (mark,) = left
    assert _writes(world, mark) == 0
    world.settle()
    check_audit(world)
    if start is _pause:
        assert [link.state for link in world.links()] == [LinkState.PAUSED]
        return
    world.recover()
    accept_invitations(world)
    check_at_rest(world)


def _writes(world: World, since: int) -> int:
    return sum(count for name, count in world.calls(since).items() if "update" in name or "create" in name)


def test_two_pollers_at_once_hand_over_everything() -> None:
    world = World()
    world.crm.add_deal()
    for number in range(world.mark(), world.mark() + 4):
        world.crm.add_deal()
        _interfere_at(world, number, world.poll)
    world.settle()
    check_agreed(world, deals=5)


def test_a_creation_that_ends_while_its_event_is_looked_at_is_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    referral_id, record_id = shared(world)
    before, start = world.crm.row(record_id), world.mark()
    links = world.ledger.of("dynamics365").links
    of_referral = links.of_referral

    def not_yet(_referral_id: str) -> Link | None:
        monkeypatch.setattr(links, "of_referral", of_referral)
        return None

    monkeypatch.setattr(links, "of_referral", not_yet)
    world.worker.run(DealMessage(PARTNER_CENTER, "event", "c", referral_id=referral_id).dump())
    world.settle()
    assert world.crm.row(record_id) == before
    assert "created from the CRM" in str(before["cosell_audit"])
    assert world.calls(start).get("crm.update", 0) == 0
    check_agreed(world)


@pytest.mark.parametrize("overtaken", [True, False], ids=["the event came first", "the event came last"])
@pytest.mark.parametrize("substatus", ["Won", "Lost"])
def test_a_deal_that_is_closed_between_its_two_posts_is_linked_and_closed(substatus: str, *, overtaken: bool) -> None:
    world = World()
    world.crm.add_deal(cosell_howcanmicrosofthelp=HELP)
    world.poll()
    world.tape.fail(OutcomeUnknown("the connection broke"), "partner_center", "create", after=True)
    world.pump()
    world.partner_center.close(world.referral_id(), substatus)
    if overtaken:
        world.receive_all()
        world.pump()
    world.settle()
    world.recover()
    row = world.crm.row(world.record_id())
    assert row["statecode"] == (1 if substatus == "Won" else 2)
    assert world.link().state is LinkState.LINKED
    assert world.partner_center.of_microsoft(world.link().engagement_id) == []
    assert "Microsoft invited" not in world.history()
    check_agreed(world)


def test_the_first_referral_of_all_is_found_although_its_event_is_lost() -> None:
    world = World()
    world.reconcile()
    world.partner_center.registers()
    world.events.clear()
    world.clock.advance(timedelta(hours=1))
    world.partner_center.registers()
    world.recover()
    check_agreed(world, deals=2)


def test_an_edit_that_is_overwritten_is_in_the_audit_before_it_is_gone() -> None:
    """A death behind the write leaves nobody else who knows the value (P1)."""
    world = World()
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {VALUE: 1234})
    world.crm.edit(record_id, estimatedvalue=5678)

    def die(step: Step) -> None:
        if (step.port, step.name) == ("partner_center", "update"):
            world.tape.after.remove(die)
            raise Crash("behind the write")

    world.tape.after.append(die)
    world.receive_all()
    world.pump()
    assert world.crashes == 1
    assert world.partner_center.rows[referral_id]["details"]["dealValue"] == 5678
    assert "1234" in world.history()
