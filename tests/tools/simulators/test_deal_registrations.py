"""The simulated registration of a won deal: what it refuses, and what the quirks switch."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.partner_center.test_registration import FORM
from tests.tools.simulators.partner_center_stage import Caller, refusal
from tools.simulators.vendors import Vendors


def won(vendors: Vendors, call: Caller, after: timedelta = timedelta(days=4), **details: Any) -> str:
    """Win a deal of ours; returns its path."""
    portal = vendors.partner_center.portal
    row = portal.create_referral("own", details=details) if details else portal.create_referral("own")
    with vendors.partner_center.store.update(row["id"], "service") as held:  # A token outlives no such time.
        held["createdDateTime"] = f"{vendors.clock.now() - after:%Y-%m-%dT%H:%M:%S}Z"
    portal.win(row["id"])
    assert call("GET", f"/{row['id']}").json()["substatus"] == "Won"
    return f"/{row['id']}"


def form(path: str = "", value: Any = None) -> list[dict[str, Any]]:
    made: Any = copy.deepcopy(FORM)
    holder = made
    *parents, last = path.split("/") if path else [""]
    for part in parents:
        holder = holder[int(part)] if part.isdecimal() else holder[part]
    if path:
        holder[last] = value
    return [{"op": "add", "path": "/registrations/-", "value": made}]


def test_a_complete_form_of_a_win_that_is_old_enough_is_reviewed(vendors: Vendors, call: Caller) -> None:
    path = won(vendors, call)
    assert call("PATCH", path, form()).status_code == 204
    row = call("GET", path).json()
    assert row["registrationStatus"] == row["registrations"][0]["status"] == "ReviewPending"
    assert list(row["registrations"][0]["statusHistory"]) == ["reviewPendingDateTime"]
    vendors.partner_center.microsoft.review(row["id"], "Approved")
    assert call("GET", path).json()["registrationStatus"] == "Approved"
    change = [{"op": "replace", "path": "/registrations/0/contract/value", "value": 1}]
    assert refusal(call("PATCH", path, change)) == (400, "invalidRequest", "registrations")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("type", "Other"),
        ("contract/value", 0),
        ("contract/term", "Forever"),
        ("contract/endDateTime", None),
        ("contract/endDateTime", "2025-01-01T00:00:00Z"),
        ("contract/signDateTime", "soon"),
        ("solutionDetails", []),
        ("solutionDetails/0/id", "SOL-40771-ABC"),
        ("solutionDetails/0/isDeployedOnAzure", None),
    ],
)
def test_a_form_that_is_not_is_refused_and_changes_nothing(
    vendors: Vendors, call: Caller, place: str, value: Any
) -> None:
    path = won(vendors, call)
    before = call("GET", path).json()["eTag"]
    code, _, target = refusal(call("PATCH", path, form(place, value)))
    assert (code, target) == (400, f"registrations/{place}")
    assert call("GET", path).json()["eTag"] == before


def test_a_win_that_is_too_young_or_too_small_is_refused_unless_the_review_does_that(
    vendors: Vendors, call: Caller
) -> None:
    young = won(vendors, call, timedelta(days=2))
    small = won(vendors, call, dealValue=24_999, currency="USD")
    assert refusal(call("PATCH", young, form()))[0] == refusal(call("PATCH", small, form()))[0] == 400
    vendors.partner_center.quirks.registration_gates = False
    assert call("PATCH", young, form()).status_code == call("PATCH", small, form()).status_code == 204


def test_a_second_one_is_refused_unless_it_is_not(vendors: Vendors, call: Caller) -> None:
    path = won(vendors, call)
    call("PATCH", path, form())
    assert refusal(call("PATCH", path, form()))[0] == 400
    vendors.partner_center.quirks.second_registration_refused = False
    assert call("PATCH", path, form()).status_code == 204
    assert len(call("GET", path).json()["registrations"]) == 2


def test_nothing_but_a_win_takes_one_and_a_win_takes_nothing_else(vendors: Vendors, call: Caller) -> None:
    row = vendors.partner_center.portal.create_referral("own")
    vendors.partner_center.portal.lose(row["id"])
    assert refusal(call("PATCH", f"/{row['id']}", form()))[2] == "status"
    path = won(vendors, call)
    late = [*form(), {"op": "replace", "path": "/details/notes", "value": "late"}]
    assert refusal(call("PATCH", path, late))[2] == "status"
    change = [{"op": "replace", "path": "/registrations/0/contract/value", "value": 1}]
    assert refusal(call("PATCH", path, change))[2] == "registrations"


@pytest.mark.parametrize(("shown", "expected"), [("status", ("ReviewPending", 0)), ("list", ("None", 1))])
def test_where_it_shows_can_be_switched(vendors: Vendors, call: Caller, shown: Any, expected: tuple[str, int]) -> None:
    path = won(vendors, call)
    call("PATCH", path, form())
    vendors.partner_center.quirks.registrations_shown = shown
    row = call("GET", path).json()
    assert (row["registrationStatus"], len(row["registrations"])) == expected
