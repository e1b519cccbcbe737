"""The referral's states as the CRM sees them, and the CRM's states as Partner Center takes them (reference 2.6)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.deal import RecordKey
from shared.decide.deal import Deal, Policy, RecordSeen, ReferralSeen
from shared.decide.planning import make_plan
from shared.lifecycle import TERMINAL, Stage, align, crm_view, referral_stage, status_rule, wire_status
from shared.link import Link
from shared.mapping.loading import load_mapping
from shared.merge import Plan, Stays
from shared.messages.reasons import Reason
from shared.sync.base import with_base
from tests.support.stand_ins import START

CRM_STAGES = (Stage.ON_HOLD, Stage.ACTIVE, Stage.WON, Stage.LOST)
FIELD_MAP = load_mapping("dynamics365")
RECORD = RecordKey("dynamics365", "opportunity", "r")


def decide(referral: Stage, record: Stage, base: Stage | None) -> Plan:
    """Plan a deal whose two sides differ in nothing but the status."""
    others = {rule.name: FIELD_MAP.rows[rule.name].read_record({}) for rule in FIELD_MAP.rules}
    known = others if base is None else {**others, "status": base}
    link = with_base(Link("dynamics365", "f", RECORD), known, FIELD_MAP)
    deal = Deal(
        START,
        "record",
        link,
        ReferralSeen("f", {**others, "status": referral}, "1", referral),
        RecordSeen(RECORD, {**others, "status": record}, "1", START),
    )
    return make_plan(deal, link, FIELD_MAP, Policy())


def sent(made: Plan) -> list[tuple[str, str]]:
    return [wire_status(Stage(str(change.new))) for change in made.to_partner_center]


def shown(made: Plan) -> list[Stage]:
    return [crm_view(Stage(str(change.new))) for change in made.to_crm]


def left(made: Plan) -> list[tuple[Reason, Stays]]:
    """Why the status stays different, and what that means."""
    return [(each.reason, each.stays) for each in made.differences]


def histories() -> Iterator[tuple[Stage, Stage, Stage | None]]:
    """Yield referral, record and base for every history: Partner Center takes no end and no acceptance back."""
    for referral in Stage:
        pasts: list[Stage | None] = [None, Stage.ON_HOLD, Stage.ACTIVE, referral]
        if referral is Stage.ON_HOLD:
            pasts = [None, Stage.ON_HOLD]
        for base in dict.fromkeys(pasts):
            for record in CRM_STAGES:
                yield referral, record, base


# --- Partner Center -> CRM -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "substatus", "invited", "stage", "seen"),
    [
        ("New", "Received", True, Stage.ON_HOLD, Stage.ON_HOLD),
        ("New", "Pending", True, Stage.ON_HOLD, Stage.ON_HOLD),
        ("New", "Pending", False, Stage.ACTIVE, Stage.ACTIVE),
        ("Active", "Accepted", True, Stage.ACTIVE, Stage.ACTIVE),
        ("Active", "Accepted", False, Stage.ACTIVE, Stage.ACTIVE),
        ("Closed", "Won", True, Stage.WON, Stage.WON),
        ("Closed", "Lost", False, Stage.LOST, Stage.LOST),
        ("Closed", "Declined", True, Stage.DECLINED, Stage.LOST),
        ("Closed", "Expired", True, Stage.EXPIRED, Stage.LOST),
        ("Closed", "Error", False, Stage.ERROR, Stage.LOST),
    ],
)
def test_what_the_crm_shows_of_a_referral(
    status: str, substatus: str, invited: bool, stage: Stage, seen: Stage
) -> None:
    assert referral_stage(status, substatus, invited=invited) is stage
    assert referral_stage(status.upper(), substatus.lower(), invited=invited) is stage
    assert crm_view(stage) is seen


@pytest.mark.parametrize("substatus", ["SomethingNew", "", None, "None"])
def test_closed_is_closed_whatever_the_substatus(substatus: str | None) -> None:
    assert referral_stage("Closed", substatus, invited=True) in TERMINAL


def test_only_closed_stages_are_terminal() -> None:
    assert set(Stage) - TERMINAL == {Stage.ON_HOLD, Stage.ACTIVE}


@pytest.mark.parametrize("end", sorted(TERMINAL))
@pytest.mark.parametrize("before", [Stage.ON_HOLD, Stage.ACTIVE])
def test_an_end_in_partner_center_is_shown_in_the_crm(before: Stage, end: Stage) -> None:
    made = decide(end, before, before)
    assert shown(made) == [crm_view(end)]
    assert not made.to_partner_center


def test_an_acceptance_in_partner_center_takes_the_record_off_hold() -> None:
    made = decide(Stage.ACTIVE, Stage.ON_HOLD, Stage.ON_HOLD)
    assert shown(made) == [Stage.ACTIVE]
    assert not made.to_partner_center


# --- CRM -> Partner Center -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("referral", "record", "wire"),
    [
        (Stage.ON_HOLD, Stage.ACTIVE, ("Active", "Accepted")),
        (Stage.ON_HOLD, Stage.LOST, ("Closed", "Declined")),
        (Stage.ON_HOLD, Stage.WON, ("Closed", "Won")),
        (Stage.ACTIVE, Stage.WON, ("Closed", "Won")),
        (Stage.ACTIVE, Stage.LOST, ("Closed", "Lost")),
    ],
)
def test_what_a_seller_does_reaches_partner_center(referral: Stage, record: Stage, wire: tuple[str, str]) -> None:
    made = decide(referral, record, referral)
    assert sent(made) == [wire]
    assert not made.to_crm


@pytest.mark.parametrize("stage", CRM_STAGES)
def test_agreeing_stages_need_nothing(stage: Stage) -> None:
    assert not decide(stage, stage, stage).writes


@pytest.mark.parametrize("end", sorted(TERMINAL - {Stage.WON}))
def test_lost_agrees_with_every_end_that_is_not_won(end: Stage) -> None:
    made = decide(end, Stage.LOST, end)
    assert not made.writes
    assert not made.differences


@pytest.mark.parametrize("base", [Stage.ACTIVE, None])
def test_on_hold_is_just_open_once_the_referral_is_no_invitation(base: Stage | None) -> None:
    made = decide(Stage.ACTIVE, Stage.ON_HOLD, base)
    assert not made.to_partner_center
    assert not made.differences


def test_a_record_put_on_hold_again_does_not_take_the_acceptance_back() -> None:
    assert not decide(Stage.ACTIVE, Stage.ON_HOLD, Stage.ACTIVE).to_partner_center


@pytest.mark.parametrize("end", sorted(TERMINAL))
@pytest.mark.parametrize("record", CRM_STAGES)
@pytest.mark.parametrize("base", [None, *Stage])
def test_a_closed_referral_is_never_moved(end: Stage, record: Stage, base: Stage | None) -> None:
    assert not decide(end, record, base).to_partner_center


@pytest.mark.parametrize("end", sorted(TERMINAL))
@pytest.mark.parametrize("record", [Stage.ACTIVE, Stage.ON_HOLD])
def test_a_deal_reopened_after_its_agreed_end_is_told_so(end: Stage, record: Stage) -> None:
    made = decide(end, record, end)
    assert not made.writes
    assert left(made) == [(Reason.REOPENED_IN_CRM, Stays.ASKED)]
    assert made.base["status"] is end, "the end stays agreed, however often it is looked at"


@pytest.mark.parametrize("base", [Stage.ON_HOLD, Stage.ACTIVE, Stage.WON, Stage.LOST])
@pytest.mark.parametrize("end", sorted(TERMINAL))
def test_opposite_ends_are_for_a_person(end: Stage, base: Stage) -> None:
    record = Stage.LOST if end is Stage.WON else Stage.WON
    made = decide(end, record, base)
    assert not made.writes
    assert left(made) == [(Reason.OPPOSITE_ENDS, Stays.DECIDE)]
    assert made.base["status"] is base


@pytest.mark.parametrize("end", [Stage.WON, Stage.LOST, Stage.DECLINED, Stage.ERROR])
def test_an_end_that_a_person_set_wins_over_an_open_record_that_moved(end: Stage) -> None:
    made = decide(end, Stage.ACTIVE, Stage.ON_HOLD)
    assert shown(made) == [crm_view(end)]
    assert made.to_crm[0].reason is Reason.BOTH_CHANGED_PARTNER_CENTER_WINS


# --- expired ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "base"),
    [(Stage.ON_HOLD, Stage.ON_HOLD), (Stage.ACTIVE, Stage.ACTIVE), (Stage.ON_HOLD, Stage.ACTIVE)],
)
def test_an_expired_referral_closes_a_record_that_nobody_moved(record: Stage, base: Stage) -> None:
    made = decide(Stage.EXPIRED, record, base)
    assert shown(made) == [Stage.LOST]
    assert not made.differences


def test_an_expired_referral_leaves_a_record_open_that_a_seller_had_accepted() -> None:
    made = decide(Stage.EXPIRED, Stage.ACTIVE, Stage.ON_HOLD)
    assert not made.writes
    assert left(made) == [(Reason.EXPIRED_BUT_MOVED, Stays.DECIDE)]
    assert made.base["status"] is Stage.ON_HOLD


# --- base unknown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("referral", sorted(Stage))
@pytest.mark.parametrize("record", CRM_STAGES)
def test_no_status_is_written_while_the_base_is_unknown(referral: Stage, record: Stage) -> None:
    made = decide(referral, record, None)
    assert not made.writes
    if align(record, referral) is referral:
        assert made.base["status"] is referral
        assert not made.differences
    else:
        assert left(made) == [(Reason.UNKNOWN_PAST, Stays.DECIDE)]
        assert "status" not in made.base


def test_an_invitation_is_not_accepted_by_a_record_that_was_open_before_we_knew_it() -> None:
    assert not decide(Stage.ON_HOLD, Stage.ACTIVE, None).writes
    assert sent(decide(Stage.ON_HOLD, Stage.ACTIVE, Stage.ON_HOLD)) == [("Active", "Accepted")]


# --- the wire --------------------------------------------------------------------------------------------------------


def test_what_is_sent_is_read_back_as_the_same_stage() -> None:
    for stage in (Stage.ACTIVE, Stage.WON, Stage.LOST, Stage.DECLINED):
        status, substatus = wire_status(stage)
        assert referral_stage(status, substatus, invited=True) is stage


@pytest.mark.parametrize("stage", [Stage.ON_HOLD, Stage.EXPIRED, Stage.ERROR])
def test_stages_that_only_partner_center_sets_cannot_be_sent(stage: Stage) -> None:
    with pytest.raises(KeyError):
        wire_status(stage)


@pytest.mark.parametrize(("referral", "record", "base"), list(histories()))
def test_every_planned_move_has_a_wire_form_and_leaves_nothing_to_move(
    referral: Stage, record: Stage, base: Stage | None
) -> None:
    made = decide(referral, record, base)
    assert all(len(each) == 2 for each in sent(made))
    assert all(each in CRM_STAGES for each in shown(made))
    if made.writes:
        after = Stage(str(made.base["status"]))
        assert not decide(after, crm_view(after), after).writes


@pytest.mark.parametrize("record", [Stage.ON_HOLD, Stage.EXPIRED])
def test_a_stage_that_cannot_be_sent_is_not_allowed_to_travel(record: Stage) -> None:
    assert not status_rule(Stage.ACTIVE, Stage.ACTIVE, record).to_partner_center


# --- leads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [Stage.ON_HOLD, Stage.WON])
@pytest.mark.parametrize(
    ("referral", "base", "means"),
    [
        (Stage.ON_HOLD, None, Stage.ON_HOLD),
        (Stage.ACTIVE, Stage.ON_HOLD, Stage.ACTIVE),
        (Stage.EXPIRED, Stage.ON_HOLD, Stage.ON_HOLD),
        (Stage.LOST, Stage.ACTIVE, Stage.ACTIVE),
        (Stage.LOST, Stage.LOST, Stage.ACTIVE),
        (Stage.WON, None, Stage.ACTIVE),
    ],
)
def test_a_lead_goes_on_as_the_referral_does(record: Stage, referral: Stage, base: Stage | None, means: Stage) -> None:
    assert align(record, referral, base, lead=True) is means


def test_a_disqualified_lead_is_declined_or_lost() -> None:
    assert align(Stage.LOST, Stage.ON_HOLD, lead=True) is Stage.DECLINED
    assert align(Stage.LOST, Stage.ACTIVE, lead=True) is Stage.LOST
    assert align(Stage.LOST, Stage.EXPIRED, lead=True) is Stage.EXPIRED


@pytest.mark.parametrize("ended", [Stage.DECLINED, Stage.EXPIRED, Stage.LOST])
def test_a_lead_that_is_remembered_as_ended_is_not_taken_for_an_open_one(ended: Stage) -> None:
    """A settled link has the record's side from its base."""
    assert align(ended, ended, ended, lead=True) is ended


def test_no_lead_is_won() -> None:
    held = status_rule(Stage.ACTIVE, Stage.WON, Stage.ACTIVE, lead=True).hold
    assert held
    assert (held.stays, held.reason) == (Stays.DECIDE, Reason.LEAD_WON)
    assert status_rule(Stage.ACTIVE, Stage.LOST, Stage.ACTIVE, lead=True).hold is None
