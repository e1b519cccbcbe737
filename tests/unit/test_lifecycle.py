"""The referral's states as the CRM sees them, and the CRM's states as Partner Center takes them (reference 2.6)."""

from __future__ import annotations

import pytest

from shared.crm.port import Record
from shared.ledger.port import Link
from shared.lifecycle import TERMINAL, Stage, crm_view, referral_stage, wire_status
from shared.mapping.loading import load_mapping
from shared.merge import Plan
from shared.sync.agree import RecordSeen, ReferralSeen, make_plan, with_base
from tests.support.stand_ins import START

CRM_STAGES = (Stage.ON_HOLD, Stage.ACTIVE, Stage.WON, Stage.LOST)
MAPPING = load_mapping("dynamics365")


def decide(referral: Stage, record: Stage, base: Stage | None) -> Plan:
    """Plan a deal whose two sides differ in nothing but the status."""
    others = {rule.name: MAPPING.rows[rule.name].read_record({}) for rule in MAPPING.rules}
    known = others if base is None else {**others, "status": base}
    return make_plan(
        with_base(Link("crm", "f", "r"), known, MAPPING),
        ReferralSeen({**others, "status": referral}, "1", referral in TERMINAL),
        RecordSeen({**others, "status": record}, Record("r", "1", {}, START)),
        MAPPING,
    )


def sent(made: Plan) -> list[tuple[str, str]]:
    return [wire_status(Stage(str(change.new))) for change in made.to_partner_center]


def shown(made: Plan) -> list[Stage]:
    return [crm_view(Stage(str(change.new))) for change in made.to_crm]


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


@pytest.mark.parametrize("record", [Stage.ACTIVE, Stage.ON_HOLD])
def test_reopening_in_the_crm_is_drift_and_not_an_error(record: Stage) -> None:
    made = decide(Stage.WON, record, Stage.WON)
    assert not made.to_partner_center
    assert made.to_crm or made.differences


@pytest.mark.parametrize(
    ("end", "record"), [(Stage.LOST, Stage.WON), (Stage.EXPIRED, Stage.WON), (Stage.WON, Stage.LOST)]
)
def test_partner_centers_end_wins_over_the_crms(end: Stage, record: Stage) -> None:
    made = decide(end, record, Stage.ACTIVE)
    assert shown(made) == [crm_view(end)]
    assert "Partner Center wins" in made.to_crm[0].reason


# --- base unknown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("referral", sorted(Stage))
@pytest.mark.parametrize("record", CRM_STAGES)
def test_nothing_is_closed_or_reopened_while_the_base_is_unknown(referral: Stage, record: Stage) -> None:
    made = decide(referral, record, None)
    for change in (*made.to_crm, *made.to_partner_center):
        assert change.new not in TERMINAL
        assert change.old not in TERMINAL


def test_an_unknown_base_with_one_closed_side_asks_a_person() -> None:
    for referral, record in [(Stage.ACTIVE, Stage.WON), (Stage.LOST, Stage.ACTIVE), (Stage.WON, Stage.LOST)]:
        made = decide(referral, record, None)
        assert [each.held for each in made.differences] == [True]


# --- the wire --------------------------------------------------------------------------------------------------------


def test_what_is_sent_is_read_back_as_the_same_stage() -> None:
    for stage in (Stage.ACTIVE, Stage.WON, Stage.LOST, Stage.DECLINED):
        status, substatus = wire_status(stage)
        assert referral_stage(status, substatus, invited=True) is stage


@pytest.mark.parametrize("stage", [Stage.ON_HOLD, Stage.EXPIRED, Stage.ERROR])
def test_stages_that_only_partner_center_sets_cannot_be_sent(stage: Stage) -> None:
    with pytest.raises(KeyError):
        wire_status(stage)


@pytest.mark.parametrize("referral", sorted(Stage))
@pytest.mark.parametrize("record", CRM_STAGES)
@pytest.mark.parametrize("base", [None, *Stage])
def test_every_planned_move_has_a_wire_form(referral: Stage, record: Stage, base: Stage | None) -> None:
    made = decide(referral, record, base)
    assert all(len(each) == 2 for each in sent(made))
    assert all(each in CRM_STAGES for each in shown(made))
