"""What the record is told of Microsoft's half: what its columns do not show yet, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deal import HELP, STATUS, Fields, RecordKey
from shared.decide.deal import RecordSeen, ReferralSeen
from shared.decide.decisions import Agree, AskMicrosoft
from shared.lifecycle import Stage
from shared.link import Link
from shared.merge import Plan
from shared.messages.reasons import Reason
from shared.microsoft import MicrosoftsHalf
from tests.support.stand_ins import START

RECORD = RecordKey("dynamics365", "opportunity", "record")
FIELDS: Fields = {STATUS: Stage.ACTIVE, HELP: "GeneralOrOther"}
NOTHING = Plan((), (), (), (), FIELDS)


def agree(shown: Fields | None, now: Fields | None) -> Agree:
    """What is agreed where the link remembers what the columns show, and the half tells what they should."""
    before = None if shown is None else MicrosoftsHalf("theirs", Stage.ON_HOLD, told=shown)
    half = None if now is None else MicrosoftsHalf("theirs", Stage.ACTIVE, told=now)
    link = Link("dynamics365", "ours", RECORD, base=FIELDS, microsoft=before)
    referral = ReferralSeen("ours", FIELDS, "1", Stage.ACTIVE)
    return Agree(link, referral, RecordSeen(RECORD, FIELDS, "1", START), NOTHING, microsoft=half)


@pytest.mark.parametrize(
    ("shown", "now", "told"),
    [
        (None, None, {}),
        ({"status": "Invited"}, None, {}),
        (None, {"status": "Invited", "team": None}, {"status": (None, "Invited"), "team": (None, None)}),
        ({"status": "Invited"}, {"status": "Invited"}, {}),
        ({"status": "Invited"}, {"status": "Accepted"}, {"status": ("Invited", "Accepted")}),
        ({"status": "Invited"}, {"status": "Invited", "team": None}, {"team": (None, None)}),
        ({"team": "Ines Field"}, {"team": None}, {"team": ("Ines Field", None)}),
    ],
)
def test_only_what_the_columns_do_not_show_is_told(
    shown: Fields | None, now: Fields | None, told: dict[str, tuple[object, object]]
) -> None:
    changes = agree(shown, now).told
    assert {each.name: (each.old, each.new) for each in changes} == told
    assert {each.reason for each in changes} <= {Reason.TOLD_BY_MICROSOFT}


def test_the_help_that_is_asked_for_is_the_records() -> None:
    made = agree(None, None)
    asked = replace(made, record=replace(made.record, fields={**FIELDS, HELP: "ProofOfConceptOrDemo"}))
    assert AskMicrosoft(asked).help == "ProofOfConceptOrDemo"
