"""What happens to a deal when something is missing, refused or down: it waits, says so, and recovers by itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.errors import (
    AccessDenied,
    CosellError,
    DataError,
    OutcomeUnknown,
    ServiceUnavailable,
    SignInRequired,
    Throttled,
)
from shared.ledger.model import DueKind
from shared.problems import problem
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, shared
from tests.support.fakes.referral_rules import at
from tests.support.fakes.world import World

VALUE = "/details/dealValue"


@pytest.fixture
def world() -> World:
    return World()


def status(world: World, record_id: str) -> str:
    return str(world.crm.row(record_id)["cosell_syncstatus"])


# --- a person is needed ----------------------------------------------------------------------------------------------


def test_an_incomplete_deal_is_parked_with_what_to_do_on_the_record(world: World) -> None:
    record_id = world.crm.add_deal(cosell_products=None, estimatedvalue=None)
    start = world.mark()
    assert world.settle() < 5  # Its own ✖ must not set it off again.
    assert world.calls(start)["crm.update"] == 1
    assert "Enter the estimated value." in status(world, record_id)
    audit = str(world.crm.row(record_id)["cosell_audit"])
    assert "solution" in audit
    assert "Deal value" in audit
    assert world.partner_center.ours() == []
    (parked,) = world.parked()
    assert parked.family == "data"


def test_the_feed_brings_our_own_mark_back_and_nothing_is_looked_at(world: World) -> None:
    world.crm.add_deal(cosell_products=None)
    world.poll()
    world.pump()
    start = world.mark()
    world.poll()
    assert world.pump() == 1
    assert world.tape.remote(start) == {"crm.changes": 1}


def test_the_mark_on_the_record_costs_no_further_call(world: World) -> None:
    world.crm.add_deal(cosell_products=None)
    world.settle()
    for _ in range(24 * 4):  # By then it is looked at once a day.
        world.clock.advance(timedelta(minutes=30))
        world.reconcile()
        world.settle()
    start = world.mark()
    for _ in range(3):
        world.clock.advance(timedelta(hours=1))
        world.reconcile()
        world.settle()
    assert world.calls(start) == {"partner_center.changed_since": 3, "crm.beside_edited": 3}


def test_corrected_by_the_seller_it_is_shared(world: World) -> None:
    record_id = world.crm.add_deal(cosell_products=None)
    world.settle()
    world.crm.edit(record_id, cosell_products="SOL-20311-QXT")
    world.settle()
    check_agreed(world)
    assert status(world, record_id).startswith("✔")


def test_a_correction_elsewhere_is_found_by_the_daily_retry(world: World) -> None:
    account_id = world.crm.add_account(address1_city=None)
    record_id = world.crm.add_deal(parentaccountid=account_id)
    world.settle()
    assert "city" in status(world, record_id)
    world.crm.accounts[account_id]["address1_city"] = "Bristol"
    world.clock.advance(timedelta(hours=25))
    world.reconcile()
    world.settle()
    check_agreed(world)
    assert status(world, record_id).startswith("✔")


def test_half_corrected_it_says_what_is_left(world: World) -> None:
    record_id = world.crm.add_deal(cosell_products=None, estimatedvalue=None)
    world.settle()
    world.crm.edit(record_id, estimatedvalue=5)
    world.settle()
    assert "at least one solution ID" in status(world, record_id)
    world.crm.edit(record_id, cosell_products="SOL-20311-QXT")
    world.settle()
    check_agreed(world)


def test_help_needs_a_complete_contact(world: World) -> None:
    account_id = world.crm.add_account()
    record_id = world.crm.add_deal(parentaccountid=account_id, cosell_howcanmicrosofthelp=HELP)
    world.settle()
    assert "contact" in status(world, record_id)
    world.crm.edit(record_id, parentcontactid=world.crm.add_contact())
    world.settle()
    check_agreed(world)


def test_what_partner_center_cannot_be_without_is_not_cleared(world: World) -> None:
    referral_id, record_id = shared(world)
    world.clock.advance(timedelta(minutes=1))  # Else the feed's row is not trusted, which costs a read.
    start = world.mark()
    world.crm.edit(record_id, estimatedvalue=None)
    world.settle()
    assert world.calls(start) == {"crm.update": 1}
    assert status(world, record_id).startswith("✖")
    assert "value" in status(world, record_id)
    assert at(world.partner_center.rows[referral_id], VALUE) == 42000
    world.crm.edit(record_id, estimatedvalue=18)
    world.settle()
    assert at(world.partner_center.rows[referral_id], VALUE) == 18
    assert status(world, record_id).startswith("✔")
    world.recover()
    world.clock.advance(timedelta(hours=25))
    world.recover()
    check_agreed(world)


def test_a_refusal_by_partner_center_is_told_and_does_not_loop(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, cosell_products="not-a-solution")
    assert world.settle() < 6
    assert status(world, record_id).startswith("✖")
    world.crm.edit(record_id, cosell_products="SOL-1-ABC")
    world.settle()
    assert at(world.partner_center.rows[referral_id], "details/requirements/solutions")[0]["id"] == "SOL-1-ABC"
    assert status(world, record_id).startswith("✔")


def test_a_refusal_by_the_crm_does_not_lose_the_edit(world: World) -> None:
    referral_id, record_id = shared(world)
    refusal = problem("crm.refused", "record", crm="Dynamics 365", message="the plug-in says no")
    world.tape.fail(DataError(refusal), "crm", "update")
    world.partner_center.edit(referral_id, {VALUE: 19})
    world.settle()
    assert status(world, record_id).startswith("✖")
    assert "the plug-in says no" in str(world.crm.row(record_id)["cosell_audit"])
    world.clock.advance(timedelta(hours=25))
    world.recover()
    check_agreed(world)
    assert world.crm.row(record_id)["estimatedvalue"] == 19


def test_a_currency_that_the_crm_lacks_is_parked_and_taken_once_it_is_corrected(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {"/details/currency": "CHF"})
    world.settle()
    assert "CHF" in status(world, record_id)
    world.partner_center.edit(referral_id, {"/details/currency": "EUR"})
    world.settle()
    assert world.crm.row(record_id)["transactioncurrencyid"] == "EUR"
    assert status(world, record_id).startswith("✔")


def test_a_deal_in_agreement_is_parked_no_more(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.edit(referral_id, {"/details/currency": "CHF"})
    world.settle()
    assert world.ledger.of("dynamics365").agenda.of(DueKind.PARKED, referral_id)
    world.crm.edit(record_id, transactioncurrencyid="EUR")
    world.settle()
    check_agreed(world)


def test_the_same_refusal_again_is_told_again(world: World) -> None:
    referral_id, record_id = shared(world)
    for currency, mark in (("CHF", "✖"), ("EUR", "✔"), ("CHF", "✖"), ("GBP", "✔")):
        world.clock.advance(timedelta(minutes=1))
        world.partner_center.edit(referral_id, {"/details/currency": currency})
        world.settle()
        assert status(world, record_id).startswith(mark), currency


def test_one_bad_deal_does_not_keep_others(world: World) -> None:
    world.crm.add_deal(cosell_products=None)
    world.crm.add_deal()
    world.partner_center.invites_us()
    world.settle()
    assert len(world.links()) == 2


# --- a service is down -----------------------------------------------------------------------------------------------

DOWN = [
    ServiceUnavailable("answered 503"),
    Throttled("slow down", retry_after=120),
    OutcomeUnknown("the connection broke"),
]


@pytest.mark.parametrize("error", DOWN, ids=lambda error: type(error).__name__)
def test_partner_center_down_the_deal_waits_and_says_so(world: World, error: CosellError) -> None:
    referral_id, record_id = shared(world)
    world.tape.fail(error, "partner_center", times=None)
    world.crm.edit(record_id, estimatedvalue=20)
    world.poll()
    world.pump()
    assert status(world, record_id).startswith("⏳")
    (parked,) = world.parked()
    assert parked.family == "retriable"
    world.clock.advance(timedelta(minutes=3))
    world.poll()
    world.pump()
    world.tape.faults.clear()
    world.settle()
    world.recover()
    check_agreed(world)
    assert at(world.partner_center.rows[referral_id], VALUE) == 20
    assert status(world, record_id).startswith("✔")


@pytest.mark.parametrize("error", DOWN, ids=lambda error: type(error).__name__)
def test_the_crm_down_an_invitation_waits(world: World, error: CosellError) -> None:
    world.tape.fail(error, "crm", times=None)
    world.partner_center.invites_us()
    world.receive_all()
    world.pump()
    assert len(list(world.parked())) == 1
    world.tape.faults.clear()
    world.settle()
    world.recover()
    check_agreed(world)


def test_a_long_outage_is_waited_out(world: World) -> None:
    _, record_id = shared(world)
    world.tape.fail(ServiceUnavailable("answered 503"), "partner_center", times=None)
    world.crm.edit(record_id, estimatedvalue=21)
    for _ in range(6 * 24):
        world.clock.advance(timedelta(minutes=10))
        world.poll()
        world.reconcile()
        world.pump()
    asked = sum(world.tape.remote().values())
    assert asked < 1500
    world.tape.faults.clear()
    world.clock.advance(timedelta(hours=1))
    world.recover()
    check_agreed(world)


def test_both_down_at_once(world: World) -> None:
    referral_id, record_id = shared(world)
    world.tape.fail(ServiceUnavailable("answered 503"), "partner_center", times=None)
    world.tape.fail(ServiceUnavailable("answered 503"), "crm", times=None)
    world.crm.edit(record_id, estimatedvalue=22)
    world.partner_center.edit(referral_id, {"/details/notes": "theirs"})
    world.receive_all()
    world.poll()
    world.pump()
    world.tape.faults.clear()
    world.settle()
    world.recover()
    check_agreed(world)
    assert world.crm.row(record_id)["description"] == "theirs"
    assert at(world.partner_center.rows[referral_id], VALUE) == 22


# --- the identity is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [SignInRequired("sign in again"), AccessDenied("no role")])
def test_a_refused_identity_alerts_once_and_everything_recovers(world: World, error: CosellError) -> None:
    _, first = shared(world)
    shared(world)
    world.tape.fail(error, "partner_center", times=None)
    world.crm.edit(first, estimatedvalue=23)
    second = world.crm.add_deal()
    for _ in range(3):
        world.poll()
        world.pump()
        world.clock.advance(timedelta(minutes=11))
        world.reconcile()
        world.pump()
    told = len(world.chat.texts)
    assert told == 1, "the deals and the sweep have one cause"
    assert status(world, first).startswith("⏳")
    assert status(world, second).startswith("⏳")
    world.tape.faults.clear()
    world.recover()
    check_agreed(world, deals=3)
    assert sum("Resolved:" in text for text in world.chat.texts) == told
    assert len(world.chat.texts) == 2 * told


def test_one_refused_identity_is_one_alert(world: World) -> None:
    _, record_id = shared(world)
    world.tape.fail(SignInRequired("sign in again"), "partner_center", times=None)
    world.crm.edit(record_id, estimatedvalue=23)
    world.poll()
    world.pump()
    world.reconcile()
    assert len(world.chat.texts) == 1


def test_a_parked_deal_is_never_forgotten_when_its_queue_message_is_lost(world: World) -> None:
    _, record_id = shared(world)
    world.tape.fail(ServiceUnavailable("answered 503"), "partner_center")
    world.crm.edit(record_id, estimatedvalue=24)
    world.poll()
    world.pump()
    world.queue.messages.clear()
    world.recover()
    check_agreed(world)


def test_what_was_told_of_a_deal_without_a_record_is_resolved_once_it_has_one(world: World) -> None:
    refused = DataError(problem("crm.refused", "record", crm="The CRM", message="a rule of its own"))
    world.tape.fail(refused, "crm", "create", times=3)
    referral_id = world.partner_center.invites_us()
    world.settle()
    assert [referral_id in text for text in world.chat.texts] == [True]
    world.recover()
    assert world.record_id()
    assert [text.startswith("Resolved") for text in world.chat.texts] == [False, True]
    assert world.alerts.raised() == {}
