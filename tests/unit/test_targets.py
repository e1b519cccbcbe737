"""Partner Center's error targets lead to fields that people know."""

from __future__ import annotations

import json

import pytest

from shared.clock import SystemClock
from shared.errors import DataError
from shared.http import Response
from shared.partner_center.referrals import classifier
from shared.partner_center.targets import field_at, without_target


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("details/dealValue", "deal_value"),
        ("/details/requirements/solutions/0/id", "solutions"),
        ("details.closingDateTime", "closing_date"),
        ("customerProfile/address/country", "country"),
        ("customerProfile/team/0/email", "contact"),
        ("team", "owner"),
        ("details/new/thing", "details/new/thing"),
        ("", "referral"),
        ("referral", "referral"),
    ],
)
def test_a_target_is_a_field(target: str, field: str) -> None:
    assert field_at(target) == field


@pytest.mark.parametrize(
    ("message", "target", "expected"),
    [
        ("details/notes: is too long", "details/notes", "is too long"),
        ("Details/Notes is too long", "details/notes", "is too long"),
        ("is too long", "details/notes", "is too long"),
        ("is too long", "", "is too long"),
    ],
)
def test_a_message_does_not_repeat_its_target(message: str, target: str, expected: str) -> None:
    assert without_target(message, target) == expected


def test_a_refusal_names_the_field_once() -> None:
    target = "details/requirements/solutions/0/id"
    error = {"code": "invalidRequest", "message": f"{target}: 'foo bar' is not a valid solution id.", "target": target}
    refused = classifier(SystemClock())(Response(400, {}, json.dumps({"error": error}).encode()))
    assert isinstance(refused, DataError)
    (found,) = refused.problems
    assert found.field == "solutions"
    assert found.rule == "Partner Center refused it: 'foo bar' is not a valid solution id"
