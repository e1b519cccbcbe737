"""What a change costs in remote calls (design, section 6); that fakes and clients count alike is in the contracts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.choices import CrmAudit
from shared.freshness import Direction
from shared.referral_kind import MICROSOFT
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.partner_center import Event
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

VALUE = "/details/dealValue"
READ, PATCH, ENGAGEMENT = "partner_center.read", "partner_center.update", "partner_center.engagement"


@pytest.fixture
def world() -> World:
    return World()


def cost(world: World, action: Callable[[], object]) -> dict[str, int]:
    """Return the calls that an action leads to, its echoes included, when nothing else has happened for a while."""
    world.settle()
    world.clock.advance(timedelta(minutes=1))
    start = world.mark()
    action()
    world.settle()
    return world.calls(start)


def test_inbound_update(world: World) -> None:
    referral_id, _ = shared(world)
    spent = cost(world, lambda: world.partner_center.edit(referral_id, {VALUE: 1}))
    assert spent == {READ: 1, "crm.update": 1}


def test_inbound_create_with_an_existing_account(world: World) -> None:
    world.crm.add_account(name="Northwind Traders", address1_postalcode="LS1 4DL")
    creation = {READ: 1, ENGAGEMENT: 1, "crm.find_account": 1, "crm.create": 1, PATCH: 1}
    first = cost(world, world.partner_center.invites_us)
    assert first == {**creation, "crm.create_contact": 1}, "the contact is there the second time"
    assert cost(world, world.partner_center.invites_us) == creation


def test_inbound_update_of_a_cosell_deal_reads_microsofts_half_along(world: World) -> None:
    referral_id, _ = shared(world, cosell_howcanmicrosofthelp=HELP)
    spent = cost(world, lambda: world.partner_center.edit(referral_id, {VALUE: 1}))
    assert spent == {READ: 1, ENGAGEMENT: 1, "crm.update": 1}


def test_microsofts_answer_is_written_once(world: World) -> None:
    referral_id, _ = shared(world, cosell_howcanmicrosofthelp=HELP)
    engagement = str(world.partner_center.rows[referral_id]["engagementId"])
    spent = cost(world, lambda: world.partner_center.microsoft_declines(engagement, "No seller"))
    assert spent == {ENGAGEMENT: 1, "crm.update": 1}, "the row is known to lead to our deal: one read tells of both"
    again = cost(world, lambda: world.events.extend(world.events))
    assert again == {}


def test_another_partners_row_costs_one_read_each_time_that_it_changes(world: World) -> None:
    referral_id, _ = shared(world, cosell_howcanmicrosofthelp=HELP)
    engagement = str(world.partner_center.rows[referral_id]["engagementId"])
    theirs: list[str] = []
    joined = cost(world, lambda: theirs.append(world.partner_center.partner_joins(engagement)))
    assert joined == {READ: 1}, "the ledger knows the engagement"
    assert cost(world, lambda: world.partner_center.edit(theirs[0], {VALUE: 5})) == {ENGAGEMENT: 1}


def test_a_row_of_microsofts_that_was_never_told_of_costs_a_read_and_the_look_at_both_halves(world: World) -> None:
    referral_id, record_id = shared(world, cosell_howcanmicrosofthelp=HELP)
    engagement = str(world.partner_center.rows[referral_id]["engagementId"])
    (theirs,) = world.partner_center.of_microsoft(engagement)
    world.settle()
    other = copy.deepcopy({**theirs, "id": "5c2a7f10-9d3e-4b6a-8c1d-2f4e6a8b0c13"})
    world.partner_center.delete(str(theirs["id"]))
    world.partner_center.rows[str(other["id"])] = other
    spent = cost(world, lambda: world.partner_center.microsoft_declines(engagement, "No seller"))
    assert spent == {READ: 1, ENGAGEMENT: 1, "crm.update": 1}
    assert "No seller" in str(world.crm.row(record_id)["cosell_microsoftstatus"])


def test_help_later_costs_a_look_and_the_invitation(world: World) -> None:
    _, record_id = shared(world)
    spent = cost(world, lambda: world.crm.edit(record_id, cosell_howcanmicrosofthelp=HELP))
    related = {"crm.read": 1, "crm.account": 1, "crm.contact": 1, "crm.owner": 1}
    # Three events follow: of our row made visible, of our row made a shared one, and of Microsoft's, which is known.
    events = {READ: 1, ENGAGEMENT: 2}
    assert spent == {**events, **related, PATCH: 1, "partner_center.create": 1, "crm.update": 1}


def test_inbound_close(world: World) -> None:
    referral_id, _ = shared(world)
    spent = cost(world, lambda: world.partner_center.close(referral_id, "Won"))
    # The version that a close produces is not told, so both sides are read once when its row comes back.
    assert spent == {READ: 2, "crm.read": 1, "crm.update": 1, "crm.close": 1}


def test_outbound_update(world: World) -> None:
    _, record_id = shared(world)
    spent = cost(world, lambda: world.crm.edit(record_id, estimatedvalue=2))
    assert spent == {PATCH: 1, "crm.update": 1}


@pytest.mark.parametrize("crm_audit", [CrmAudit.OFF, CrmAudit.CREATES_AND_FAILURES])
def test_outbound_update_without_the_trail_on_the_record(crm_audit: CrmAudit) -> None:
    world = World(crm_audit=crm_audit)
    _, record_id = shared(world)
    assert cost(world, lambda: world.crm.edit(record_id, estimatedvalue=2)) == {PATCH: 1}


def test_outbound_create(world: World) -> None:
    spent = cost(world, world.crm.add_deal)
    reads = {"crm.read": 1, "crm.account": 1, "crm.contact": 1, "crm.owner": 1}
    assert spent == {**reads, "partner_center.create": 1, "crm.update": 1}


def test_sharing_with_microsoft_costs_one_call_more(world: World) -> None:
    """The event of the invitation tells what its answer told; that of our row, which became a shared one, is news."""
    spent = cost(world, lambda: world.crm.add_deal(cosell_howcanmicrosofthelp=HELP))
    reads = {"crm.read": 1, "crm.account": 1, "crm.contact": 1, "crm.owner": 1}
    assert spent == {**reads, "partner_center.create": 2, "crm.update": 1}


def test_an_edit_of_nothing_that_is_mapped_costs_nothing(world: World) -> None:
    referral_id, record_id = shared(world)
    assert cost(world, lambda: world.crm.edit(record_id, parentcontactid=None)) == {}
    assert cost(world, lambda: world.partner_center.edit(referral_id, {"/salesStage": "60"})) == {READ: 1}


def test_echoes_and_duplicates(world: World) -> None:
    referral_id, record_id = shared(world)
    seen: list[Event] = []
    world.partner_center.listeners.append(seen.append)
    world.partner_center.edit(referral_id, {VALUE: 3})
    world.crm.edit(record_id, description="ours")
    world.settle()
    start = world.mark()
    for event in seen * 2:
        world.another_receiver()
        world.receive(event)
    assert len(world.queue.due()) == 2 * len(seen), "the worker has to know them by itself"
    world.settle()
    assert world.calls(start) == {}


@pytest.mark.parametrize("ours", [True, False])
def test_an_event_from_the_future_is_known_again_and_hides_no_later_one(world: World, *, ours: bool) -> None:
    own, _ = shared(world, cosell_howcanmicrosofthelp=HELP)
    (theirs,) = (str(row["id"]) for row in world.partner_center.rows.values() if row["organizationId"] == MICROSOFT)
    wrong = Event(own if ours else theirs, created=False, ours=ours, at=world.theirs.now() + timedelta(minutes=50))
    for spent in (True, False):
        start = world.mark()
        world.another_receiver()
        world.receive(wrong)
        world.settle()
        assert bool(world.calls(start)) is spent, "the same again costs nothing"
    assert cost(world, lambda: world.partner_center.edit(own, {VALUE: 77}))
    assert world.crm.row(world.record_id())["estimatedvalue"] == 77
    start = world.mark()
    world.receive(Event(theirs, created=False, ours=False, at=world.theirs.now()))
    world.settle()
    assert world.calls(start), "nor one about Microsoft's row"


def test_a_record_delivered_again_is_written_nowhere(world: World) -> None:
    _, record_id = shared(world)
    world.crm.edit(record_id, estimatedvalue=4)
    world.poll()
    (message,) = world.queue.due()
    world.settle()
    start = world.mark()
    world.worker.run(message.text)
    assert world.calls(start).get(PATCH, 0) == world.calls(start).get("crm.update", 0) == 0


def test_an_idle_poll_is_one_call_and_an_idle_sweep_another(world: World) -> None:
    for _ in range(5):
        shared(world)
    world.reconcile()
    start = world.mark()
    world.poll()
    assert world.tape.remote(start) == {"crm.changes": 1}
    world.reconcile()
    assert world.calls(start) == {"partner_center.changed_since": 1}


def test_a_stale_version_costs_the_refusal_and_both_reads(world: World) -> None:
    referral_id, record_id = shared(world)

    def both() -> None:
        world.crm.edit(record_id, estimatedvalue=5)
        world.partner_center.edit(referral_id, {"/details/notes": "theirs"})
        world.poll()  # The record's message goes first, and knows nothing of the referral's change.
        world.pump()

    spent = cost(world, both)
    assert spent == {PATCH: 2, READ: 1, "crm.read": 1, "crm.update": 1}
    check_agreed(world)


def test_each_change_is_one_row_of_the_audit(world: World) -> None:
    referral_id, record_id = shared(world)
    before = len(world.audit_of(referral_id))
    world.crm.edit(record_id, estimatedvalue=6)
    world.settle()
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.settle()
    assert len(world.audit_of(referral_id)) == before + 2


def test_a_change_takes_few_transactions(world: World) -> None:
    referral_id, record_id = shared(world)
    actions: tuple[Callable[[], object], ...] = (
        lambda: world.crm.edit(record_id, estimatedvalue=8),
        lambda: world.partner_center.edit(referral_id, {VALUE: 9}),
    )
    # How fresh changes are is written once a minute by a process, whatever the number of changes.
    world.freshness.note("dynamics365", Direction.TO_CRM, timedelta())
    for action in actions:
        world.settle()
        world.clock.advance(timedelta(seconds=10))
        action()
        world.receive_all()
        world.poll()
        start = world.mark()
        (message,) = world.queue.due()
        world.worker.run(message.text)
        ledger = [step.name for step in world.tape.steps[start:] if step.port == "ledger"]
        assert len(ledger) <= 3, ledger  # The fourth is the poll's share of the cursor.
        world.settle()


def test_a_new_referral_takes_three_transactions(world: World) -> None:
    world.partner_center.invites_us()
    world.settle()  # The first one asks about strange rows, too: once a minute.
    world.clock.advance(timedelta(seconds=10))
    world.partner_center.invites_us()
    world.receive_all()
    start = world.mark()
    (message,) = world.queue.due()
    world.worker.run(message.text)
    ledger = [step.name for step in world.tape.steps[start:] if step.port == "ledger"]
    assert len(ledger) <= 3, ledger  # The fourth reads the link for our own event.


# --- the trail on the record -----------------------------------------------------------------------------------------


def test_without_a_trail_the_record_holds_its_identity_only() -> None:
    world = World(crm_audit=CrmAudit.OFF)
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {VALUE: 10})
    world.settle()
    world.crm.edit(record_id, cosell_products=None)
    world.settle()
    row = world.crm.row(record_id)
    assert row["cosell_syncstatus"] is None
    assert row["cosell_audit"] is None
    assert row["estimatedvalue"] == 10


def test_creates_and_failures_leave_updates_out() -> None:
    world = World(crm_audit=CrmAudit.CREATES_AND_FAILURES)
    _, record_id = shared(world)
    shown = world.crm.row(record_id)["cosell_audit"]
    assert shown
    world.crm.edit(record_id, estimatedvalue=11)
    world.settle()
    assert world.crm.row(record_id)["cosell_audit"] == shown
    world.crm.edit(record_id, estimatedvalue=None)
    world.settle()
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("✖")
    world.crm.edit(record_id, estimatedvalue=12)
    world.settle()
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("✔")


# --- a dry run -------------------------------------------------------------------------------------------------------


def test_a_dry_run_writes_to_neither_side() -> None:
    world = World(dry_run=True)
    world.crm.add_deal()
    world.crm.add_deal(cosell_products=None)
    world.partner_center.invites_us()
    world.partner_center.registers(externalReferenceId=world.crm.add_deal())
    before = _rows(world)
    start = world.mark()
    world.settle()
    world.recover()
    assert _rows(world) == before
    assert (
        not {"partner_center.create", PATCH, "crm.update", "crm.create", "crm.create_account"}
        & world.calls(start).keys()
    )
    assert world.links() == []


def test_a_dry_run_does_not_promise_a_referral_that_partner_center_would_refuse() -> None:
    world = World(dry_run=True)
    record_id = world.crm.add_deal(estimatedclosedate=None)
    world.settle()
    assert world.audit_of(world.task.key(record_id).deal) == []
    (due,) = world.parked()
    assert [each.code for each in due.problems] == ["deal.closing_date_missing"]
    assert world.crm.row(record_id)["cosell_syncstatus"] is None


def test_a_dry_run_tells_what_it_would_do_to_a_linked_deal() -> None:
    world = World()
    referral_id, record_id = invited(world)
    world.partner_center.accept(referral_id)
    world.settle()
    world.configure(dry_run=True)
    world.crm.edit(record_id, estimatedvalue=13)
    world.partner_center.edit(referral_id, {"/details/notes": "theirs"})
    before = _rows(world)
    world.settle()
    assert _rows(world) == before
    assert "dry run" in world.history()
    assert "deal_value" in world.history()
    world.configure(dry_run=False)
    world.recover()
    check_agreed(world)
    assert at(world.partner_center.rows[referral_id], VALUE) == 13


def _rows(world: World) -> object:
    return copy.deepcopy(world.partner_center.rows), world.crm.rows(), dict(world.crm.accounts)
