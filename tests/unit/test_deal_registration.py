"""What Partner Center tells of a registration, in every form that is documented, and what people read of it."""

from __future__ import annotations

import pytest

from shared.deadline import is_registered
from shared.deal_registration import STATES, DealRegistration, Form, read_registration
from shared.messages import LANGUAGES, Messages
from shared.messages.plain import units
from shared.sync.perform.registered import LONGEST, said


@pytest.mark.parametrize(
    ("referral", "expected"),
    [
        ({}, None),
        ({"registrations": None, "registrationStatus": None}, None),
        ({"registrations": [], "registrationStatus": "None"}, None),
        ({"registrations": "nonsense", "registrationStatus": 7}, None),
        ({"registrations": [{}]}, DealRegistration("ReviewPending")),
        ({"registrations": ["nonsense"]}, DealRegistration("ReviewPending")),
        ({"registrations": [{"status": "Approved"}], "registrationStatus": "None"}, DealRegistration("Approved")),
        ({"registrationStatus": "actionrequired"}, DealRegistration("ActionRequired")),
        ({"registrations": [{"status": "None"}], "registrationStatus": "Passed"}, DealRegistration("Passed")),
        ({"registrationStatus": "Escalated"}, DealRegistration("Escalated")),
        (
            {"registrations": [{"status": "Failed"}, {"status": "ActionRequired", "statusReason": " Which? "}]},
            DealRegistration("ActionRequired", "Which?", 1),
        ),
    ],
)
def test_a_registration_is_read_from_either_place(referral: dict[str, object], expected: DealRegistration) -> None:
    assert read_registration(referral) == expected
    assert is_registered(referral) is (expected is not None)


def test_a_form_has_another_digest_after_any_change() -> None:
    one, same = Form({"a": 1, "b": "x"}), Form({"b": "x", "a": 1})
    assert one.digest == same.digest
    assert len({one.digest, Form({"a": 2, "b": "x"}).digest, Form({"a": 1}).digest}) == 3


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", [*STATES, "Escalated"])
def test_what_is_said_of_it_fits_into_its_column_whatever_the_reason(language: str, status: str) -> None:
    plain = said(Messages(language), DealRegistration(status))
    for reason in ("", "Short", "😀" * 200, "한국어 " * 40):
        text = said(Messages(language), DealRegistration(status, reason))
        assert units(text) <= LONGEST
        assert text.startswith(plain)


def test_a_reason_that_is_too_long_ends_with_an_ellipsis() -> None:
    text = said(Messages(), DealRegistration("ActionRequired", "x" * 200))
    assert text == f"Action required: {'x' * 82}…"
