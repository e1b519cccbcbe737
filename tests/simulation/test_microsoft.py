"""Microsoft's half of a deal: what it answers reaches the record, and help chosen later invites it, once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.deal import HELP as HELP_FIELD
from shared.errors import DataError, OutcomeUnknown, ServiceUnavailable
from shared.lifecycle import Stage
from shared.microsoft import Seller
from shared.problems import problem
from shared.status import StatusKind
from tests.simulation.agreement import check_agreed
from tests.simulation.deals import HELP, invited, shared
from tests.support.fakes.referral_rules import at
from tests.support.fakes.tape import Step
from tests.support.fakes.world import World

CODE = "CustomerTechnicalArchitecture"
HELP_COLUMN, STATUS, TEAM = "cosell_howcanmicrosofthelp", "cosell_microsoftstatus", "cosell_microsoftteam"
VISIBLE, NOTES = "cosell_referralvisibility", "cosell_notesformicrosoft"


@pytest.fixture
def world() -> World:
    return World()


def cosell(world: World) -> tuple[str, str, str]:
    """A deal that Microsoft was invited into; returns the ids of its referral, its record and its engagement."""
    referral_id, record_id = shared(world, **{HELP_COLUMN: HELP})
    return referral_id, record_id, str(world.partner_center.rows[referral_id]["engagementId"])


def invitations(world: World, referral_id: str) -> int:
    """Return how often Microsoft is in the deal."""
    return len(world.partner_center.of_microsoft(str(world.partner_center.rows[referral_id]["engagementId"])))


# --- what Microsoft answers ------------------------------------------------------------------------------------------


def test_the_record_says_that_microsoft_is_invited(world: World) -> None:
    _, record_id, _ = cosell(world)
    assert world.crm.row(record_id)[STATUS] == "Invited"
    half = world.link().microsoft
    assert half
    assert (half.stage, half.help) == (Stage.ON_HOLD, CODE)


def test_microsoft_accepts_and_names_its_seller(world: World) -> None:
    _, record_id, engagement = cosell(world)
    world.partner_center.microsoft_accepts(engagement, "7-TEST00001")
    world.partner_center.microsoft_names(engagement, "Ines", "Field")
    world.settle()
    row = world.crm.row(record_id)
    assert (row[STATUS], row["cosell_microsoftcrmidentifier"]) == ("Accepted", "7-TEST00001")
    assert row[TEAM] == "Field, Ines <ines.field@microsoft.example> +14255550100"
    half = world.link().microsoft
    assert half
    assert half.team == (Seller("Ines Field", "ines.field@microsoft.example", "+14255550100"),)
    assert "Microsoft: " in world.history()
    assert "status: Invited → Accepted" in world.history()
    check_agreed(world)


def test_microsoft_declines_with_a_reason_and_is_not_invited_again(world: World) -> None:
    referral_id, record_id, engagement = cosell(world)
    world.partner_center.microsoft_declines(engagement, "No seller for the account")
    world.settle()
    assert world.crm.row(record_id)[STATUS] == "Declined (No seller for the account)"
    world.crm.edit(record_id, **{HELP_COLUMN: 4})
    world.settle()
    world.recover()
    assert world.crm.row(record_id)[HELP_COLUMN] == HELP, "what was submitted is put back"
    assert "Partner Center accepts no more changes of it" in world.history()
    assert invitations(world, referral_id) == 1
    check_agreed(world)


@pytest.mark.parametrize("end", ["Expired", "Won", "Lost"])
def test_every_other_end_of_microsofts_half_is_shown(world: World, end: str) -> None:
    referral_id, record_id, engagement = cosell(world)
    world.partner_center.microsoft_closes(engagement, end)
    world.settle()
    assert world.crm.row(record_id)[STATUS] == end
    assert world.partner_center.rows[referral_id]["status"] == "Active", "our half goes on"
    check_agreed(world)


def test_help_that_was_submitted_is_restored_when_it_is_cleared(world: World) -> None:
    _, record_id, _ = cosell(world)
    world.crm.edit(record_id, **{HELP_COLUMN: None})
    world.settle()
    assert world.crm.row(record_id)[HELP_COLUMN] == HELP
    check_agreed(world)


def test_lost_events_are_found_within_six_hours() -> None:
    world = World(dull=True)
    _, record_id, engagement = cosell(world)
    world.partner_center.microsoft_declines(engagement, "Later")
    world.settle()
    assert world.crm.row(record_id)[STATUS] == "Invited"
    world.clock.advance(timedelta(hours=6, minutes=1))
    world.reconcile()
    world.settle()
    assert world.crm.row(record_id)[STATUS] == "Declined (Later)"


def test_microsofts_half_of_a_closed_deal_is_not_looked_at_any_more(world: World) -> None:
    referral_id, _, _ = cosell(world)
    world.partner_center.close(referral_id, "Lost")
    world.settle()
    for _ in range(3):
        world.clock.advance(timedelta(hours=7))
        world.reconcile()
        world.settle()
    start = world.mark()
    world.clock.advance(timedelta(hours=7))
    world.reconcile()
    world.settle()
    assert "partner_center.engagement" not in world.calls(start)


def test_what_a_locked_record_cannot_show_is_shown_once_it_is_open_again(world: World) -> None:
    _, record_id, engagement = cosell(world)
    world.task.records.closed_rows_are_read_only = True
    world.crm.close(record_id, Stage.WON)
    world.partner_center.microsoft_accepts(engagement)
    world.settle()
    assert world.crm.row(record_id)[STATUS] in ("Invited", "Accepted")
    half = world.link().microsoft
    assert half
    assert half.stage is Stage.ACTIVE


def test_an_inbound_deal_says_that_microsoft_takes_part(world: World) -> None:
    _, record_id = invited(world)
    assert world.crm.row(record_id)[STATUS] == "Accepted"
    world.crm.edit(record_id, statuscode=1, **{HELP_COLUMN: HELP})
    world.settle()
    shown = world.link().status
    assert shown
    assert shown.kind is StatusKind.DIFFERS
    assert "takes part" in shown.text


# --- help later ------------------------------------------------------------------------------------------------------


def test_help_chosen_later_invites_microsoft_once(world: World) -> None:
    referral_id, record_id = shared(world)
    assert invitations(world, referral_id) == 0
    world.crm.edit(record_id, estimatedvalue=5, **{HELP_COLUMN: HELP, NOTES: "An architect, please"})
    world.settle()
    world.recover()
    own = world.partner_center.rows[referral_id]
    (theirs,) = world.partner_center.of_microsoft(str(own["engagementId"]))
    assert theirs["inviteContext"]["assistanceRequestCode"] == CODE
    assert theirs["inviteContext"]["notes"] == "An architect, please"
    assert at(theirs, "/details/dealValue") == 5
    assert at(own, "/consent/consentToShareReferralWithMicrosoftSellers") is True
    row = world.crm.row(record_id)
    assert (row[STATUS], row[VISIBLE], row[HELP_COLUMN]) == ("Invited", True, HELP)
    assert "Microsoft invited" in world.history()
    check_agreed(world)


def test_help_of_an_unknown_past_is_neither_asked_for_nor_taken_for_submitted(world: World) -> None:
    referral_id, record_id = shared(world)
    world.lose_the_ledger()
    world.crm.edit(record_id, **{HELP_COLUMN: HELP})
    world.settle()
    assert invitations(world, referral_id) == 0, "nobody knows when it was chosen"
    assert str(world.crm.row(record_id)["cosell_syncstatus"]).startswith("◐ Microsoft was not asked. To ask: clear")
    for chosen in (None, HELP):
        world.crm.edit(record_id, **{HELP_COLUMN: chosen})
        world.settle()
    assert invitations(world, referral_id) == 1
    check_agreed(world)


@pytest.mark.parametrize("side", ["record", "referral"])
def test_help_that_microsoft_knows_of_is_known_again_though_its_past_is_lost(world: World, side: str) -> None:
    referral_id, record_id, _ = cosell(world)
    world.lose_the_ledger()
    if side == "record":
        world.crm.edit(record_id, description="edited since")
    else:
        world.partner_center.edit(referral_id, {"/details/notes": "edited since"})
    world.settle()
    assert invitations(world, referral_id) == 1
    assert world.link().base[HELP_FIELD] == CODE
    check_agreed(world)


def test_what_lacks_of_an_invitation_is_said_first_and_everything_else_travels(world: World) -> None:
    referral_id, record_id = shared(world, parentcontactid=None)
    world.crm.accounts[str(world.crm.row(record_id)["customerid"])]["_primarycontactid_value"] = None
    world.crm.edit(record_id, estimatedvalue=6, **{HELP_COLUMN: HELP})
    world.settle()
    assert invitations(world, referral_id) == 0
    assert at(world.partner_center.rows[referral_id], "/details/dealValue") == 6
    assert at(world.partner_center.rows[referral_id], "/consent/consentToShareReferralWithMicrosoftSellers") is False
    shown = world.link().status
    assert shown
    assert shown.text.startswith("✖ Complete the customer contact")
    world.crm.edit(record_id, parentcontactid=world.crm.add_contact())
    world.settle()
    assert invitations(world, referral_id) == 1
    check_agreed(world)


def test_what_partner_center_refuses_is_said_and_everything_else_travels(world: World) -> None:
    referral_id, record_id = shared(world)

    refusal = DataError(problem("partner_center.refused", "help", message="not today"))
    world.tape.fail(refusal, "partner_center", "create")
    world.crm.edit(record_id, estimatedvalue=7, **{HELP_COLUMN: HELP})
    world.settle()
    assert at(world.partner_center.rows[referral_id], "/details/dealValue") == 7
    shown = world.link().status
    assert shown
    assert shown.kind is StatusKind.ATTENTION
    world.recover()
    assert invitations(world, referral_id) == 1
    check_agreed(world)


@pytest.mark.parametrize("lag", [timedelta(), timedelta(minutes=4)])
def test_an_unanswered_invitation_is_looked_up_before_another_one(world: World, lag: timedelta) -> None:
    referral_id, record_id = shared(world)
    world.clock.advance(timedelta(minutes=5))
    world.partner_center.lag = lag
    world.crm.edit(record_id, **{HELP_COLUMN: HELP})
    world.tape.fail(OutcomeUnknown("the connection broke"), "partner_center", "create", after=True)
    world.settle()
    world.recover()
    assert invitations(world, referral_id) == 1
    check_agreed(world)


def test_an_invitation_whose_commit_failed_is_not_sent_again_while_the_lists_lag(world: World) -> None:
    referral_id, record_id = shared(world)
    world.clock.advance(timedelta(minutes=5))
    world.partner_center.lag = timedelta(minutes=4)
    failed: list[Step] = []

    def fail(step: Step) -> None:
        if (step.port, step.name) == ("ledger", "links.commit") and invitations(world, referral_id) and not failed:
            failed.append(step)
            raise ServiceUnavailable("the storage is busy")

    world.tape.before.append(fail)
    world.crm.edit(record_id, **{HELP_COLUMN: HELP})
    world.settle()
    world.recover()
    assert failed
    assert invitations(world, referral_id) == 1
    check_agreed(world)


def test_a_colleagues_invitation_reaches_the_record(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.invites_microsoft(referral_id, CODE)
    world.settle()
    row = world.crm.row(record_id)
    assert (row[HELP_COLUMN], row[STATUS], row[VISIBLE]) == (HELP, "Invited", True)
    assert invitations(world, referral_id) == 1
    check_agreed(world)


def test_a_colleague_and_the_seller_ask_at_once(world: World) -> None:
    referral_id, record_id = shared(world)
    world.partner_center.invites_microsoft(referral_id, CODE)
    world.crm.edit(record_id, **{HELP_COLUMN: 4})
    world.settle()
    world.recover()
    assert invitations(world, referral_id) == 1
    assert world.crm.row(record_id)[HELP_COLUMN] == HELP
    check_agreed(world)


def test_a_closed_deal_is_never_asked_about(world: World) -> None:
    referral_id, record_id = shared(world)
    world.crm.edit(record_id, **{HELP_COLUMN: HELP})
    world.crm.close(record_id, Stage.WON)
    world.settle()
    world.recover()
    assert invitations(world, referral_id) == 0
    assert world.partner_center.rows[referral_id]["substatus"] == "Won"


def test_a_dry_run_says_that_microsoft_would_be_invited(world: World) -> None:
    referral_id, record_id = shared(world)
    world.configure(dry_run=True)
    world.crm.edit(record_id, **{HELP_COLUMN: HELP})
    world.settle()
    assert invitations(world, referral_id) == 0
    assert f"dry run, nothing written: help: (empty) → {CODE} (Microsoft invited)" in world.history()


def test_the_deals_own_notes_stay_internal(world: World) -> None:
    _, _, engagement = cosell(world)
    (theirs,) = world.partner_center.of_microsoft(engagement)
    assert theirs["inviteContext"]["notes"] == ""
