from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.tools.simulators.partner_center_stage import (
    SHARE,
    Caller,
    changed,
    create,
    ids,
    member,
    referrals_caller,
    refusal,
    replace,
)
from tools.simulators.partner_center import webhooks_api
from tools.simulators.partner_center.samples import sample_cosell_documents, sample_document
from tools.simulators.vendors import Vendors

SOLUTIONS = "details/requirements/solutions"
ATTRIBUTES = "details/requirements/additionalRequirements/attributes"
ETAG = re.compile(r'"[0-9a-f]{8}-0000-[0-9a-f]{4}-0000-([0-9a-f]{8})0000"')


# -- who may call ---------------------------------------------------------------------------------------------------


def test_tokens_for_nobody_the_other_api_and_app_only_are_refused(vendors: Vendors) -> None:
    anonymous = referrals_caller(vendors)
    anonymous.token = "nonsense"
    other = referrals_caller(vendors, audience=webhooks_api.AUDIENCE)
    app_only = referrals_caller(vendors, user=None)

    for caller, status, code in (
        (anonymous, 401, "unauthenticated"),
        (other, 401, "unauthenticated"),
        (app_only, 403, "accessDenied"),
    ):
        with caller.session:
            assert refusal(caller("GET"))[:2] == (status, code)


def test_an_access_token_expires(vendors: Vendors, call: Caller) -> None:
    assert call("GET").status_code == 200
    vendors.clock.advance(timedelta(hours=1))
    assert call("GET").status_code == 401


def test_headers_identify_the_request(fixed: Caller) -> None:
    response = fixed("GET", headers={"client-request-id": "abc"})
    assert response.headers["client-request-id"] == "abc"
    assert response.headers["request-id"]


# -- create ---------------------------------------------------------------------------------------------------------


def test_create_answers_the_full_shape_and_forces_active(call: Caller) -> None:
    row = create(call, sample_document() | {"status": "New", "substatus": "Pending"})

    assert (row["status"], row["substatus"], row["direction"]) == ("Active", "Accepted", "Outgoing")
    assert row["acceptedDateTime"]
    assert row["organizationName"] == "Fabrikam"
    assert row["inviteContext"]["assistanceRequestCode"] == "Unknown"
    assert row["details"]["requirements"]["solutions"][0]["publisherName"] is None
    assert row["customerProfile"]["team"][0]["contactPreference"] == {"locale": None, "disableNotifications": None}
    assert call("GET", f"/{row['id']}").json() == row


def test_etag_has_quotes_inside_and_the_second_of_the_write(call: Caller) -> None:
    row = create(call)

    match = ETAG.fullmatch(row["eTag"])

    assert match is not None
    assert int(match[1], 16) == int(datetime.fromisoformat(row["updatedDateTime"]).timestamp())


def test_input_names_are_case_insensitive_and_unknown_ones_ignored(call: Caller) -> None:
    def pascal(value: Any) -> Any:
        if isinstance(value, dict):
            return {key[0].upper() + key[1:]: pascal(item) for key, item in value.items()}
        return [pascal(item) for item in value] if isinstance(value, list) else value

    row = create(call, pascal(sample_document()) | {"Whatever": 1})

    assert row["customerProfile"]["address"]["city"] == "Leeds"
    assert "Whatever" not in row


def test_created_status_can_be_201(vendors: Vendors, call: Caller) -> None:
    vendors.partner_center.quirks.created_status = 201
    assert call("POST", body=sample_document()).status_code == 201


@pytest.mark.parametrize(
    ("path", "value", "target"),
    [
        ("type", ..., "type"),
        ("type", "Private", "type"),
        ("name", "  ", "name"),
        ("customerProfile", ..., "customerProfile"),
        ("customerProfile", [], "customerProfile"),
        ("customerProfile/name", ..., "customerProfile/name"),
        ("customerProfile/size", "huge", "customerProfile/size"),
        ("customerProfile/address/addressLine1", "", "customerProfile/address/addressLine1"),
        ("customerProfile/address/city", None, "customerProfile/address/city"),
        ("customerProfile/address/country", "GBR", "customerProfile/address/country"),
        ("customerProfile/address/country", "XX", "customerProfile/address/country"),
        ("consent", ..., "consent"),
        ("consent/consentToToShareInfoWithOthers", False, "consent/consentToToShareInfoWithOthers"),
        ("consent/consentToContact", "yes", "consent/consentToContact"),
        ("details", ..., "details"),
        ("details/dealValue", ..., "details/dealValue"),
        ("details/dealValue", "a lot", "details/dealValue"),
        ("details/dealValue", -1, "details/dealValue"),
        ("details/dealValue", True, "details/dealValue"),
        ("details/currency", "EURO", "details/currency"),
        ("details/closingDateTime", "31.03.2027", "details/closingDateTime"),
        (SOLUTIONS, [], SOLUTIONS),
        ("details/requirements/solutions/0/id", "SOL-1", "details/requirements/solutions/0/id"),
        ("details/requirements/solutions/0/type", "Thing", "details/requirements/solutions/0/type"),
        (SOLUTIONS, [{"type": "Name", "id": "SOL-1-ABC"}] * 51, SOLUTIONS),
        (ATTRIBUTES, [], ATTRIBUTES),
        ("team", [], "team"),
        ("team/0/phoneNumber", None, "team/0/phoneNumber"),
        ("team", [{"firstName": "a", "lastName": "b", "phoneNumber": "c", "email": "d"}] * 51, "team"),
        ("qualification", "MarketplaceDriven", "qualification"),
        ("inviteContext", {"assistanceRequestCode": "7"}, "inviteContext/assistanceRequestCode"),
    ],
)  # fmt: skip
def test_create_refuses(fixed: Caller, path: str, value: object, target: str) -> None:
    response = fixed("POST", body=changed(sample_document(), path, value))
    assert refusal(response) == (400, "invalidRequest", target)


def test_help_needs_a_complete_customer_contact(fixed: Caller) -> None:
    document = sample_document() | {"inviteContext": {"assistanceRequestCode": "GeneralOrOther"}}
    document["customerProfile"]["team"][0]["phoneNumber"] = ""
    assert refusal(fixed("POST", body=document)) == (400, "invalidRequest", "customerProfile/team/0/phoneNumber")


def test_cosell_takes_two_posts(call: Caller) -> None:
    first, second = sample_cosell_documents()
    own = create(call, first)
    theirs = create(call, second | {"engagementId": own["engagementId"]})

    assert (theirs["organizationId"], theirs["status"], theirs["substatus"]) == ("msft", "New", "Pending")
    assert theirs["engagementId"] == own["engagementId"]
    assert ids(call("GET")) == {own["id"]}
    for literal in (own["engagementId"], f"'{own['engagementId']}'"):
        assert ids(call("GET", filter=f"engagementId eq {literal}")) == {own["id"], theirs["id"]}
    assert refusal(call("PATCH", f"/{theirs['id']}", [replace("/details/notes", "x")]))[0] == 403


def test_invitation_refuses(call: Caller) -> None:
    first, second = sample_cosell_documents()
    own = create(call, first)
    private = create(call)
    good = second | {"engagementId": own["engagementId"]}
    cases = [
        (changed(good, "engagementId", "5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"), "engagementId"),
        (changed(good, "engagementId", ...), "engagementId"),
        (changed(good, "engagementId", private["engagementId"]), SHARE[1:]),
        (changed(good, "target", []), "target"),
        (changed(good, "inviteContext/assistanceRequestCode", "Unknown"), "inviteContext/assistanceRequestCode"),
        (changed(good, "customerProfile/team", []), "customerProfile/team"),
        (changed(good, SHARE[1:], False), SHARE[1:]),
    ]

    for document, target in cases:
        assert refusal(call("POST", body=document)) == (400, "invalidRequest", target)
    create(call, good)
    assert refusal(call("POST", body=good)) == (400, "invalidRequest", "engagementId")


@pytest.mark.parametrize("shares", [True, False])
def test_an_invitation_makes_a_visible_deal_a_shared_one_where_that_is_allowed(
    vendors: Vendors, call: Caller, *, shares: bool
) -> None:
    vendors.partner_center.quirks.invitation_shares = shares
    own = create(call, changed(sample_document(), SHARE[1:], True))
    answer = call("POST", body=sample_cosell_documents()[1] | {"engagementId": own["engagementId"]})
    assert (answer.status_code, call("GET", f"/{own['id']}").json()["type"]) == (
        (200, "Shared") if shares else (400, own["type"])
    )
    if not shares:
        assert refusal(answer) == (400, "invalidRequest", "type")


# -- read -----------------------------------------------------------------------------------------------------------


def test_unknown_ids_paths_methods_and_content_types(fixed: Caller) -> None:
    assert refusal(fixed("GET", "/5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55"))[:2] == (404, "itemNotFound")
    assert fixed("DELETE", "/5b0f2f0e-6a1d-4c1f-9a07-3f6f0c3b1d55").status_code == 405
    assert fixed("PUT").headers["Allow"] == "GET, POST"
    assert fixed("GET", "/a/b").status_code == 404
    plain = fixed("POST", body=sample_document(), headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415


def test_filters_select_rows(vendors: Vendors, call: Caller) -> None:
    portal = vendors.partner_center.portal
    inbound = portal.create_referral()["id"]
    own = portal.create_referral("own", team=[member("Mia O'Neill", "mia@fabrikam.example")])["id"]
    french = portal.create_referral("own", customerProfile={"address": {"country": "FR"}})["id"]

    for text, expected in {
        "status eq 'New'": {inbound},
        "(status eq 'Active' and substatus eq 'Accepted')": {own, french},
        "direction eq 'Incoming' and type eq 'Shared' and qualification eq 'SalesQualified'": {inbound},
        "customerProfile/address/country eq 'FR'": {french},
        "team/any(t:t/email eq 'MIA@fabrikam.example') and (status eq 'Active')": {own},
        "updatedDateTime ge 2020-01-01T00:00:00Z and createdDateTime lt 2100-01-01T00:00:00.5Z": {inbound, own, french},
        "updatedDateTime lt 2020-01-01T00:00:00Z": set(),
    }.items():
        assert ids(call("GET", filter=text)) == expected, text


@pytest.mark.parametrize(
    "text",
    [
        "status ne 'New'",
        "status eq 'New' or status eq 'Active'",
        "status eq 'Unheard'",
        "status eq New",
        "updatedDateTime ge '2025-03-01T00:00:00Z'",
        "updatedDateTime eq 2025-03-01T00:00:00Z",
        "externalReferenceId eq 'crm-1'",
        "engagementId eq 'abc'",
        "contains(name,'x')",
        "(status eq 'New'",
        "team/any(t:t/title eq 'x')",
        "",
    ],
)
def test_other_filters_are_refused(fixed: Caller, text: str) -> None:
    assert refusal(fixed("GET", filter=text)) == (400, "invalidRequest", "$filter")


def test_other_query_options_are_refused(fixed: Caller) -> None:
    for name, value in {"orderby": "name", "select": "id,nope", "top": "-1", "skiptoken": "x", "search": "x"}.items():
        assert refusal(fixed("GET", "", None, None, **{name: value})) == (400, "invalidRequest", f"${name}")


def test_order_select_top_skip(vendors: Vendors, call: Caller) -> None:
    portal = vendors.partner_center.portal
    first, second, third = (portal.create_referral("own")["id"] for _ in range(3))
    portal.edit(first, {"/details/notes": "touched"})

    def listed(**options: str) -> list[str]:
        return [row["id"] for row in call("GET", "", None, None, **options).json()["value"]]

    assert listed(orderby="updatedDateTime") == [second, third, first]
    assert listed(orderby="updatedDateTime desc", top="2") == [first, third]
    assert listed(orderby="createdDateTime asc", skip="1", top="1") == [second]
    assert call("GET", select="id,status").json()["value"][0] == {"id": first, "status": "Active"}


def test_paging_gives_every_row_once_through_the_broken_link(vendors: Vendors, call: Caller) -> None:
    vendors.partner_center.quirks.page_size = 2
    wanted = {vendors.partner_center.portal.create_referral("own")["id"] for _ in range(5)}

    page = call("GET", orderby="updatedDateTime").json()
    seen = [row["id"] for row in page["value"]]
    host = vendors.servers["referrals"].host
    while link := page.get("@odata.nextLink"):
        assert link.startswith(f"http://{host}/v1.0/referrals?$skiptoken=")
        page = call("GET", skiptoken=link.partition("=")[2]).json()
        seen += [row["id"] for row in page["value"]]

    assert set(seen) == wanted
    assert len(seen) == 5
    assert page["@odata.count"] == 5


def test_next_link_can_be_well_formed(vendors: Vendors, call: Caller) -> None:
    quirks = vendors.partner_center.quirks
    quirks.page_size, quirks.broken_next_link = 1, False
    expected = {vendors.partner_center.portal.create_referral("own")["id"] for _ in range(2)}

    page = call("GET").json()
    call.base = page["@odata.nextLink"]

    assert {page["value"][0]["id"]} | ids(call("GET")) == expected


def test_data_quirks(vendors: Vendors, call: Caller) -> None:
    quirks = vendors.partner_center.quirks
    row = vendors.partner_center.portal.create_referral(
        "own", customerProfile={"name": "Ruiz & Sons", "address": {"state": "Yorkshire"}}
    )
    quirks.html_escaped_names = quirks.trailing_blanks = quirks.state_in_region = quirks.missing_keys = True

    shown = call("GET", f"/{row['id']}").json()

    assert shown["customerProfile"]["name"] == "Ruiz &amp; Sons"
    assert shown["team"][0]["firstName"] == "Lee "
    assert (shown["customerProfile"]["address"]["state"], shown["customerProfile"]["address"]["region"]) == (
        None,
        "Yorkshire",
    )
    assert "registrations" not in shown
    assert not {"offers"} & shown["details"]["requirements"].keys()
    assert vendors.partner_center.referral(row["id"])["customerProfile"]["name"] == "Ruiz & Sons"
