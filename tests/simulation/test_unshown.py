"""What a record cannot show, since it is locked or refuses every write, is shown elsewhere, and ends with its cause."""

from __future__ import annotations

import pytest

from shared.errors import DataError, ServiceUnavailable
from shared.ledger.survey import Standing
from shared.lifecycle import Stage
from shared.link import LinkState
from shared.problems import problem
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import shared
from tests.support.desks import Visitor
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.crm_rules import SYNC
from tests.support.fakes.world import World

VALUE, STATUS = "/details/dealValue", "cosell_syncstatus"
LOCKED = DataError(problem("crm.refused", "record", crm="The CRM", message="it is locked by an approval"))
TAKEN_OFF = DataError(problem("partner_center.refused", "deal", message="the programme ended"))


@pytest.fixture
def world() -> World:
    return World()


def refuse_every_write(world: World) -> None:
    world.tape.fail(LOCKED, "crm", "update", times=None)


def counted(world: World, standing: Standing) -> int:
    return world.task.ledger.survey.counts()[standing]


def is_well(world: World) -> None:
    assert world.alerts.raised() == {}
    assert world.parked() == []


# --- a record that refuses every write ---


def test_a_refusal_that_the_record_refuses_to_show_is_told_by_alert_link_page_and_audit(world: World) -> None:
    referral_id, record_id = shared(world)
    refuse_every_write(world)
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.settle()
    (told,) = world.chat.texts
    assert "locked by an approval" in told
    link = world.link()
    assert link.status
    assert (link.status.kind, link.unshown, link.settled) == (StatusKind.ATTENTION, True, False)
    assert counted(world, Standing.ATTENTION) == 1
    answer = Visitor(world).data(deal=record_id)
    assert answer["status"]["text"].startswith("✖")
    assert "locked by an approval" in answer["audit"][0]["text"]


def test_what_heals_by_an_event_ends_its_alert_and_waits_no_more(world: World) -> None:
    referral_id, record_id = shared(world)
    refuse_every_write(world)
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.settle()
    told = len(world.audit_of(referral_id))
    world.tape.faults.clear()
    world.partner_center.edit(referral_id, {VALUE: 8})
    world.settle()
    is_well(world)
    check_agreed(world)
    assert str(world.crm.row(record_id)[STATUS]).startswith("✔")
    assert len(world.audit_of(referral_id)) == told + 1


def test_a_refusal_that_goes_on_is_one_line_of_the_audit_and_one_alert(world: World) -> None:
    referral_id, _ = shared(world)
    refuse_every_write(world)
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.settle()
    told = len(world.audit_of(referral_id))
    world.recover()
    assert len(world.audit_of(referral_id)) == told
    assert len(world.chat.texts) == 1


def test_a_record_that_refuses_every_write_and_is_shared_at_last_is_well(world: World) -> None:
    record_id = world.crm.add_deal(estimatedclosedate=None)
    refuse_every_write(world)
    world.settle()
    assert len(world.alerts.raised()) == 1
    world.tape.faults.clear()
    world.crm.edit(record_id, estimatedclosedate="2027-06-30")
    world.settle()
    check_agreed(world)
    is_well(world)


def test_a_referral_that_the_crm_takes_at_last_is_well(world: World) -> None:
    world.tape.fail(LOCKED, "crm", "create", times=None)
    referral_id = world.partner_center.invites_us()
    world.settle()
    assert len(world.alerts.raised()) == 1
    world.tape.faults.clear()
    world.partner_center.edit(referral_id, {VALUE: 8})
    world.settle()
    check_agreed(world)
    is_well(world)


def test_a_referral_that_became_no_record_before_it_ended_waits_for_nobody(world: World) -> None:
    world.tape.fail(LOCKED, "crm", "create", times=None)
    referral_id = world.partner_center.invites_us()
    world.settle()
    world.partner_center.close(referral_id, "Declined")
    world.settle()
    assert world.link().state is LinkState.IGNORED
    is_well(world)


def test_a_deal_that_fails_unseen_and_is_paused_is_well(world: World) -> None:
    referral_id, record_id = shared(world)
    refuse_every_write(world)
    world.partner_center.edit(referral_id, {VALUE: 7})
    world.settle()
    world.tape.faults.clear()
    world.crm.edit(record_id, **{SYNC: False})
    world.settle()
    is_well(world)
    assert str(world.crm.row(record_id)[STATUS]).startswith("⏸")


# --- states that could not be shown ---


def test_a_record_that_could_not_be_told_that_its_referral_is_gone_is_told_later(world: World) -> None:
    referral_id, record_id = shared(world)
    world.tape.fail(LOCKED, "crm", "update", times=2)  # The first attempt, and the next one.
    world.partner_center.delete(referral_id)
    world.crm.edit(record_id, description="edited")
    world.settle()
    assert world.link().state is LinkState.ORPHANED
    assert str(world.crm.row(record_id)[STATUS]).startswith("✔")
    told = len(world.audit_of(referral_id))
    world.recover()
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")
    assert len(world.audit_of(referral_id)) == told, "it is told once"
    is_well(world)


def test_a_record_that_could_not_be_told_that_a_person_paused_it_is_told_later(world: World) -> None:
    referral_id, record_id = shared(world)
    world.tape.fail(LOCKED, "crm", "update")
    assert Visitor(world).order({"action": "pause", "deal": referral_id})[0] == 202
    world.settle()
    assert world.link().state is LinkState.STOPPED
    assert str(world.crm.row(record_id)[STATUS]).startswith("✔")
    world.recover()
    assert world.link().state is LinkState.STOPPED
    assert str(world.crm.row(record_id)[STATUS]).startswith("⏸")
    is_well(world)


# --- a locked record ---


def test_a_win_that_partner_center_refuses_is_told_elsewhere_and_not_settled(world: World) -> None:
    referral_id, record_id = shared(world)
    world.tape.fail(TAKEN_OFF, "partner_center", "update", times=None)
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert str(world.crm.row(record_id)[STATUS]).startswith("✔"), "the CRM takes no write to a closed record"
    assert not world.link().settled
    assert counted(world, Standing.ATTENTION) == 1
    assert "the programme ended" in world.chat.texts[0]
    assert "the programme ended" in world.audit_of(referral_id)[0].text
    world.tape.faults.clear()
    world.recover()
    assert counted(world, Standing.SYNCHRONIZED) == 1
    is_well(world)


def test_a_record_that_was_locked_says_what_it_could_not_once_it_is_open_again(world: World) -> None:
    referral_id, record_id = shared(world)
    world.tape.fail(TAKEN_OFF, "partner_center", "update", times=None)
    world.crm.edit(record_id, description="edited")
    world.crm.close(record_id, Stage.WON)
    world.settle()
    world.crm.reopen(record_id)
    world.settle()
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")
    assert "the programme ended" in str(world.crm.row(record_id)["cosell_audit"])
    assert world.partner_center.rows[referral_id]["status"] == "Active"


def test_a_closed_record_that_was_never_shared_says_why_in_the_ledger(world: World) -> None:
    record_id = world.crm.add_deal()
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert world.crm.row(record_id)[STATUS] is None
    answer = Visitor(world).data(deal=record_id)
    assert [each["text"] for each in answer["audit"]] == ["not synchronized: it was closed before it was shared"]
    world.recover()
    assert len(Visitor(world).data(deal=record_id)["audit"]) == 1, "it says so once"


def test_a_wrong_identifier_on_a_closed_record_is_told_elsewhere(world: World) -> None:
    record_id = world.crm.add_deal(**{IDENTIFIER: "REF-0042"})
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    (told,) = world.chat.texts
    assert "REF-0042" in told, "as it was typed"
    assert Visitor(world).data(deal=record_id)["problems"][0]["code"] == "identifier.malformed"


def test_history_that_a_locked_record_cannot_tell_calls_nobody(world: World) -> None:
    record_id = world.crm.add_deal(**{SYNC: False})
    referral_id = world.partner_center.registers(externalReferenceId=record_id)
    world.partner_center.close(referral_id, "Won")
    world.crm.edit(record_id, **{SYNC: True, IDENTIFIER: referral_id})
    world.crm.close(record_id, Stage.WON)
    world.settle()
    assert counted(world, Standing.DIFFERS) == 1, "the two were filled in by two people"
    assert world.chat.texts == [], "a first run meets hundreds of such deals"


def test_what_a_person_decides_about_a_locked_record_names_its_deal(world: World) -> None:
    record_id = world.crm.add_deal(**{SYNC: False})
    referral_id = world.partner_center.registers(externalReferenceId=record_id)
    world.partner_center.close(referral_id, "Won")
    world.crm.edit(record_id, **{SYNC: True, IDENTIFIER: referral_id})
    world.crm.close(record_id, Stage.LOST)
    world.settle()
    assert list(world.alerts.raised()) == [f"dynamics365 deal {referral_id}"]
    assert referral_id in world.chat.texts[0]


def test_a_problem_that_could_not_be_shown_at_once_is_shown_whatever_version_the_link_knows(world: World) -> None:
    _, record_id = shared(world)
    world.tape.fail(ServiceUnavailable("answered 503"), "crm", "update")
    world.crm.edit(record_id, **{IDENTIFIER: "11111111-2222-4333-8444-555555555555"})
    world.settle()
    assert str(world.crm.row(record_id)[STATUS]).startswith("✔")
    world.recover()
    assert str(world.crm.row(record_id)[STATUS]).startswith("✖")
    mark = world.mark()
    world.recover()
    assert "crm.update" not in world.calls(mark), "once"
