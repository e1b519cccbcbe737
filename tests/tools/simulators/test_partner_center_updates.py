from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.tools.simulators.partner_center_stage import (
    SHARE,
    Caller,
    changed,
    create,
    member,
    refusal,
    replace,
)
from tools.simulators.partner_center.samples import sample_cosell_documents, sample_document
from tools.simulators.server import Fault
from tools.simulators.vendors import Vendors

# -- update ---------------------------------------------------------------------------------------------------------


def test_patch_writes_and_moves_the_version(call: Caller) -> None:
    row = create(call)
    operations = [
        replace("/details/dealValue", "51000.5"),
        {"op": "add", "path": "/team/-", "value": member("Mia", "m@f.example")},
    ]

    silent = call("PATCH", f"/{row['id']}", operations, headers={"If-Match": row["eTag"]})
    after = call("GET", f"/{row['id']}").json()

    assert (silent.status_code, silent.content) == (204, b"")
    assert after["details"]["dealValue"] == 51000.5
    assert [person["firstName"] for person in after["team"]] == ["Lee", "Mia"]
    assert after["eTag"] != row["eTag"]
    assert after["updatedDateTime"] > row["updatedDateTime"]
    shown = call(
        "PATCH",
        f"/{row['id']}",
        [replace("/externalReferenceId", "crm-1")],
        headers={"Prefer": "return=representation"},
    )
    assert (shown.status_code, shown.json()["externalReferenceId"]) == (200, "crm-1")


def test_if_match(call: Caller) -> None:
    row = create(call)
    stale = row["eTag"]
    path, body = f"/{row['id']}", [replace("/details/notes", "x")]
    assert call("PATCH", path, body).status_code == 204
    current = call("GET", path).json()["eTag"]

    for tag in (stale, current.strip('"'), f"W/{current}"):
        response = call("PATCH", path, body, headers={"If-Match": tag})
        assert refusal(response) == (412, "preconditionFailed", "ETag")
        assert response.json()["error"]["innerError"]["code"] == "99918"
    assert call("PATCH", path, body, headers={"If-Match": current}).status_code == 204


@pytest.mark.parametrize(
    ("operation", "target"),
    [
        (replace("/name", "x"), "name"),
        (replace("/customerProfile/name", "x"), "customerProfile/name"),
        (replace("/inviteContext/assistanceRequestCode", "GeneralOrOther"), "inviteContext/assistanceRequestCode"),
        ({"op": "remove", "path": "/team"}, "op"),
        ({"op": "replace", "path": "/details/notes"}, "patch"),
        (replace("/details/dealValue", "many"), "details/dealValue"),
        (replace("/details/dealValue", None), "details/dealValue"),
        (replace("/details/currency", "euro"), "details/currency"),
        (replace("/details/closingDateTime", "soon"), "details/closingDateTime"),
        (replace("/team", []), "team"),
        (replace("/team/-", {"firstName": "a"}), "team"),
        ({"op": "add", "path": "/team/-", "value": {"firstName": "a"}}, "team/1/lastName"),
        (replace("/details/requirements/solutions", []), "details/requirements/solutions"),
        (replace("/status", "Closed"), "substatus"),
        (replace("/status", "New"), "status"),
        (replace("/status", "Engaged"), "status"),
        (replace("/substatus", "Won"), "substatus"),
    ],
)
def test_patch_refuses_and_changes_nothing(fixed: Caller, operation: dict[str, Any], target: str) -> None:
    row = create(fixed)

    response = fixed("PATCH", f"/{row['id']}", [replace("/details/notes", "half"), operation])

    assert refusal(response) == (400, "invalidRequest", target)
    assert fixed("GET", f"/{row['id']}").json() == row


def test_patch_body_must_be_a_json_patch(call: Caller) -> None:
    row = create(call)
    bodies: list[object] = [{"details": {}}, [], ["x"]]
    for body in bodies:
        assert refusal(call("PATCH", f"/{row['id']}", body))[0] == 400


def test_name_becomes_patchable(vendors: Vendors, call: Caller) -> None:
    vendors.partner_center.quirks.name_patchable = True
    row = create(call)
    assert call("PATCH", f"/{row['id']}", [replace("/name", "New name")]).status_code == 204
    assert call("GET", f"/{row['id']}").json()["name"] == "New name"


def test_consent_is_one_way(call: Caller) -> None:
    row = create(call)
    path = f"/{row['id']}"
    assert call("PATCH", path, [replace(SHARE, True)]).status_code == 204
    assert refusal(call("PATCH", path, [replace(SHARE, False)])) == (400, "invalidRequest", SHARE[1:])


def test_a_new_referral_is_accepted_then_won_then_frozen(vendors: Vendors, call: Caller) -> None:
    path = f"/{vendors.partner_center.portal.create_referral()['id']}"
    accept = [replace("/status", "Active"), replace("/substatus", "Accepted")]
    win = [replace("/status", "Closed"), replace("/substatus", "Won")]

    assert refusal(call("PATCH", path, [replace("/substatus", "Received")]))[2] == "substatus"
    assert refusal(call("PATCH", path, [replace("/status", "Active")]))[2] == "substatus"
    assert call("PATCH", path, accept).status_code == 204
    assert refusal(call("PATCH", path, [*win, replace("/details/dealValue", 0)]))[2] == "details/dealValue"
    assert call("PATCH", path, win).status_code == 204
    assert refusal(call("PATCH", path, [replace("/details/notes", "late")])) == (400, "invalidRequest", "status")
    assert refusal(call("PATCH", path, [replace("/status", "Closed"), replace("/substatus", "Lost")]))[0] == 400
    assert call("GET", path).json()["closedDateTime"]


def test_put_needs_if_match_and_respects_frozen_fields(vendors: Vendors, call: Caller) -> None:
    row = create(call)
    path, tag = f"/{row['id']}", {"If-Match": row["eTag"]}
    body = {key: value for key, value in row.items() if key != "links"}

    assert refusal(call("PUT", path, body))[:2] == (412, "preconditionFailed")
    vendors.partner_center.quirks.put_without_if_match = 400
    assert call("PUT", path, body).status_code == 400
    assert refusal(call("PUT", path, row, headers=tag))[2] == "links"
    assert (
        refusal(call("PUT", path, changed(body, "customerProfile/name", "Other"), headers=tag))[2]
        == "customerProfile/name"
    )
    answer = call("PUT", path, changed(body, "details/notes", ...), headers=tag)
    assert (answer.status_code, answer.json()["details"]["notes"]) == (200, None)
    assert answer.json()["eTag"] != row["eTag"]


# -- time and people ------------------------------------------------------------------------------------------------


def test_an_unanswered_invitation_expires_after_14_days(vendors: Vendors) -> None:
    row = vendors.partner_center.portal.create_referral()
    vendors.clock.advance(timedelta(days=13, hours=23))
    assert vendors.partner_center.referral(row["id"])["status"] == "New"
    vendors.clock.advance(timedelta(hours=2))
    expired = vendors.partner_center.referral(row["id"])
    assert (expired["status"], expired["substatus"]) == ("Closed", "Expired")
    assert expired["eTag"] != row["eTag"]


def test_microsoft_accepts_adds_a_seller_or_declines(vendors: Vendors, call: Caller) -> None:
    first, second = sample_cosell_documents()
    own = create(call, first)
    theirs = create(call, second | {"engagementId": own["engagementId"]})
    microsoft = vendors.partner_center.microsoft

    microsoft.accept(own["engagementId"], msx_id="7-ABC")
    microsoft.add_seller(own["engagementId"])

    seen = call("GET", f"/{own['id']}").json()
    assert seen["trackingInfo"]["microsoftMsxId"] == "7-ABC"
    assert seen["eTag"] != own["eTag"]
    assert call("GET", f"/{theirs['id']}").json()["status"] == "Active"
    assert len(call("GET", f"/{theirs['id']}").json()["team"]) == 2
    microsoft.decline(own["engagementId"], reason="No customer record")
    assert call("GET", f"/{theirs['id']}").json()["statusReason"] == "No customer record"
    assert call("GET", f"/{own['id']}").json()["status"] == "Active"


def test_the_portal_edits_and_closes(vendors: Vendors) -> None:
    portal = vendors.partner_center.portal
    row = portal.create_referral("marketplace-lead")
    assert (row["qualification"], row["inviteContext"]["invitedBy"]["organizationId"]) == ("Direct", "msft")

    portal.accept(row["id"])
    assert portal.edit(row["id"], {"/name": "Renamed"})["name"] == "Renamed"
    assert portal.lose(row["id"], "no budget")["statusReason"] == "no budget"
    with pytest.raises(ValueError, match="closed"):
        portal.edit(row["id"], {"/name": "again"})


def test_the_account_match_is_a_write_of_the_service(vendors: Vendors) -> None:
    row = vendors.partner_center.portal.create_referral("own")
    matched = vendors.partner_center.complete_match(row["id"])
    assert matched["customerProfile"]["isMatchingComplete"] is True
    assert matched["eTag"] != row["eTag"]


def test_timestamps_have_one_to_seven_digits(vendors: Vendors) -> None:
    vendors.partner_center.quirks.short_fractions = True
    rows = [vendors.partner_center.portal.create_referral("own") for _ in range(40)]
    lengths = {len(re.search(r"\.(\d+)Z", row["updatedDateTime"])[1]) for row in rows}  # type: ignore[index]
    assert lengths <= set(range(1, 8))
    assert len(lengths) > 2
    assert all(datetime.fromisoformat(row["updatedDateTime"]).tzinfo == UTC for row in rows)


# -- faults, log, control -------------------------------------------------------------------------------------------


def test_faults_fire_as_ordered_and_are_logged(vendors: Vendors, call: Caller) -> None:
    server = vendors.servers["referrals"]
    throttle = server.faults.inject(Fault("status", status=429, headers={"Retry-After": "3"}, method="GET", times=2))
    lost = server.faults.inject(Fault("reset_after", method="POST", skip=1))
    before = server.faults.inject(Fault("reset_before", method="PATCH"))

    assert [call("GET").status_code for _ in range(3)] == [429, 429, 200]
    create(call)
    with pytest.raises(requests.ConnectionError):
        call("POST", body=sample_document())
    row = vendors.partner_center.referrals()[0]
    with pytest.raises(requests.ConnectionError):
        call("PATCH", f"/{row['id']}", [replace("/details/notes", "x")])

    assert (throttle.fired, lost.fired, before.fired) == (2, 1, 1)
    assert len(vendors.partner_center.referrals()) == 2
    assert vendors.partner_center.referral(row["id"]) == row
    assert server.log.count("POST") == 2
    assert [(entry.status, entry.fault) for entry in server.log.matching("POST")] == [
        (200, None),
        (None, "reset_after"),
    ]
    assert all("authorization" not in entry.headers for entry in server.log.entries)


def test_control_api_acts_in_the_world(vendors: Vendors) -> None:
    base = vendors.servers["control"].url

    def act(method: str, path: str, body: object = None) -> Any:
        response = requests.request(method, f"{base}{path}", json=body, timeout=10)
        assert response.status_code == 200, response.text
        return response.json()

    row = act("POST", "/partner-center/referrals", {"kind": "cosell-inbound", "name": "By hand"})
    assert act("PATCH", f"/partner-center/referrals/{row['id']}", {"/details/notes": "hello"})["name"] == "By hand"
    assert act("POST", f"/partner-center/referrals/{row['id']}/accept")["status"] == "Active"
    assert act("POST", f"/microsoft/{row['engagementId']}/decline", {"reason": "no"})["statusReason"] == "no"
    act("PATCH", "/partner-center/quirks", {"page_size": 7})
    act("POST", "/faults/entra", {"kind": "status", "status": 503})
    act("POST", "/clock/advance", {"days": 1})
    assert act("GET", "/requests/referrals")["count"] == 0
    assert act("GET", "/settings")["ENTRA_AUTHORITY"] == vendors.servers["entra"].url
    assert vendors.partner_center.quirks.page_size == 7
    missing = requests.get(f"{base}/partner-center/referrals/nope", timeout=10)
    assert missing.status_code == 404
    assert "error" in json.loads(missing.text)


def test_control_api_lets_another_system_take_the_webhook(vendors: Vendors) -> None:
    url = f"{vendors.servers['control'].url}/partner-center/registration"
    assert requests.get(url, timeout=10).status_code == 404
    theirs = {"url": "https://their.example/hook", "events": ["referral-created"]}
    assert requests.put(url, json=theirs, timeout=10).json()["url"] == theirs["url"]
    assert requests.get(url, timeout=10).json()["events"] == theirs["events"]
    assert requests.put(url, json={"events": ["made-up"]}, timeout=10).status_code == 400
    assert vendors.partner_center.registration is not None
    assert vendors.partner_center.registration.url == theirs["url"]
