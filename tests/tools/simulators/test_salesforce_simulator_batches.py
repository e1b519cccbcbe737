"""Composite requests and record collections in the simulated Salesforce: many things in one call."""

from __future__ import annotations

import json
from email.utils import format_datetime
from typing import Any

import pytest

from tests.tools.simulators.salesforce_stage import ABSENT, DEAL, KEY, VERSION, Stage
from tools.simulators.salesforce import Quirks

TYPED: dict[str, object] = {"attributes": {"type": "Opportunity"}}


@pytest.fixture
def stage() -> Stage:
    return Stage()


def post(name: str, sobject: str, **body: object) -> dict[str, object]:
    return {"method": "POST", "url": f"sobjects/{sobject}", "referenceId": name, "body": body}


def get(name: str, url: str) -> dict[str, object]:
    return {"method": "GET", "url": url, "referenceId": name}


def codes(answer: dict[str, Any]) -> list[str]:
    return [error["errorCode"] for error in answer["body"]]


# --- composite ---------------------------------------------------------------------------------------------------


def test_later_calls_refer_to_earlier_answers_and_all_count_as_one(stage: Stage) -> None:
    used = stage.simulator.api_usage
    answers = stage.composite(
        post("account", "Account", Name="Contoso"),
        post("deal", "Opportunity", AccountId="@{account.id}", NextStep="of @{account.id}", **DEAL),
        get("read", "sobjects/Opportunity/@{deal.id}?fields=SystemModstamp,NextStep"),
        get("found", "query?q=SELECT+Id+FROM+Account"),
        {
            "method": "PATCH",
            "url": "sobjects/Account/@{found.records[0].Id}",
            "referenceId": "renamed",
            "body": {"Name": "Contoso 2"},
        },
    )
    assert [answer["httpStatusCode"] for answer in answers] == [201, 201, 200, 200, 204]
    assert [answer["referenceId"] for answer in answers] == ["account", "deal", "read", "found", "renamed"]
    account = answers[0]["body"]["id"]
    assert answers[0]["httpHeaders"]["Location"] == f"/services/data/v{VERSION}/sobjects/Account/{account}"
    assert answers[2]["body"]["NextStep"] == f"of {account}"
    assert answers[2]["body"]["SystemModstamp"]
    assert answers[4]["body"] is None
    assert stage.simulator.row("Account", account)["Name"] == "Contoso 2"
    assert stage.simulator.api_usage == used + 1


def test_a_failure_halts_what_refers_to_it_and_nothing_else(stage: Stage) -> None:
    answers = stage.composite(
        post("account", "Account", Phone="1"),
        post("deal", "Opportunity", AccountId="@{account.id}", **DEAL),
        post("other", "Opportunity", **DEAL),
    )
    assert [answer["httpStatusCode"] for answer in answers] == [400, 400, 201]
    assert [codes(answer) for answer in answers[:2]] == [["REQUIRED_FIELD_MISSING"], ["PROCESSING_HALTED"]]
    assert "No value for account.id found" in answers[1]["body"][0]["message"]
    assert len(stage.simulator.rows("Opportunity")) == 1


def test_all_or_none_takes_everything_back(stage: Stage) -> None:
    answers = stage.composite(
        post("account", "Account", Name="Contoso"),
        post("deal", "Opportunity", Name="A"),
        post("other", "Opportunity", **DEAL),
        all_or_none=True,
    )
    assert [codes(answer) for answer in answers] == [
        ["PROCESSING_HALTED"],
        ["REQUIRED_FIELD_MISSING"],
        ["PROCESSING_HALTED"],
    ]
    assert stage.simulator.rows("Account") == stage.simulator.rows("Opportunity") == []


def test_a_call_has_its_own_headers(stage: Stage) -> None:
    deal = stage.create()
    old = format_datetime(stage.clock.now().replace(year=2020), usegmt=True)
    guarded: dict[str, object] = {
        "method": "PATCH",
        "url": f"sobjects/Opportunity/{deal}",
        "referenceId": "a",
        "body": {"Name": "B"},
    }
    (answer,) = stage.composite(guarded | {"httpHeaders": {"If-Unmodified-Since": old}})
    assert (answer["httpStatusCode"], codes(answer)) == (412, ["PRECONDITION_FAILED"])
    assert stage.simulator.row("Opportunity", deal)["Name"] == "A deal"


def test_an_upsert_and_unknown_resources_inside(stage: Stage) -> None:
    upsert: dict[str, object] = {
        "method": "PATCH",
        "url": f"sobjects/Opportunity/{KEY}/a%2Fb",
        "referenceId": "a",
        "body": DEAL,
    }
    first, lost = stage.composite(upsert, get("b", "nothing"))
    assert (first["httpStatusCode"], first["body"]["created"]) == (201, True)
    assert stage.simulator.row("Opportunity", first["body"]["id"])[KEY] == "a/b"
    assert (lost["httpStatusCode"], codes(lost)) == (404, ["NOT_FOUND"])


ROOT = f"/services/data/v{VERSION}"
GET = get("a", f"{ROOT}/limits")


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("JSON_PARSER_ERROR", None),
        ("JSON_PARSER_ERROR", []),
        ("JSON_PARSER_ERROR", ["x"]),
        ("INVALID_INPUT", [GET, GET]),
        ("INVALID_INPUT", [GET | {"referenceId": "with-dash"}]),
        ("INVALID_INPUT", [GET | {"referenceId": None}]),
        ("INVALID_INPUT", [GET | {"referenceId": f"r{n}"} for n in range(26)]),
        (
            "INVALID_INPUT",
            [get(f"r{n}", f"{ROOT}/query?q=x") for n in range(6)],
        ),
        ("INVALID_INPUT", [GET | {"httpHeaders": {"Authorization": "Bearer x"}}]),
        ("INVALID_INPUT", [GET | {"httpHeaders": {"accept": "x"}}]),
        ("INVALID_INPUT", [GET | {"httpHeaders": {"Content-Type": "x"}}]),
        ("INVALID_INPUT", [GET | {"httpHeaders": "x"}]),
    ],
)
def test_refused_composites(stage: Stage, code: str, calls: object) -> None:
    stage.refused(400, code, "POST", "composite", {"compositeRequest": calls})


@pytest.mark.parametrize("url", ["limits", "https://x/services/data/v66.0/limits", f"{ROOT}/composite"])
def test_addresses_that_no_call_may_have(stage: Stage, url: str) -> None:
    body = {"compositeRequest": [GET | {"url": url}]}
    response = stage.send("POST", "composite", body)
    (answer,) = json.loads(response.data)["compositeResponse"]
    assert codes(answer) == ["INVALID_INPUT"]


def test_twenty_five_calls_are_allowed(stage: Stage) -> None:
    calls = [get(f"r{number}", "limits") for number in range(25)]
    assert {answer["httpStatusCode"] for answer in stage.composite(*calls)} == {200}


# --- collections -------------------------------------------------------------------------------------------------


def send(stage: Stage, method: str, path: str, records: object, *, all_or_none: bool = False) -> list[dict[str, Any]]:
    response = stage.send(method, path, {"allOrNone": all_or_none, "records": records})
    assert response.status_code == 200, response.text
    results: list[dict[str, Any]] = json.loads(response.data)
    return results


def test_results_come_in_order_with_status_codes(stage: Stage) -> None:
    used = stage.simulator.api_usage
    good, bad = send(stage, "POST", "composite/sobjects", [TYPED | DEAL, TYPED | {"Name": "B"}])
    assert (good["success"], good["errors"]) == (True, [])
    assert good["id"] in {row["Id"] for row in stage.simulator.rows("Opportunity")}
    (error,) = bad["errors"]
    assert (bad["success"], error["statusCode"]) == (False, "REQUIRED_FIELD_MISSING")
    assert error["fields"] == ["StageName", "CloseDate"]
    assert "errorCode" not in error
    assert stage.simulator.api_usage == used + 1


def test_all_or_none_rolls_the_good_ones_back(stage: Stage) -> None:
    records = [TYPED | DEAL, TYPED | {"Name": "B"}]
    results = send(stage, "POST", "composite/sobjects", records, all_or_none=True)
    assert [result["errors"][0]["statusCode"] for result in results] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert stage.simulator.rows("Opportunity") == []


def test_updates_name_their_record(stage: Stage) -> None:
    deal = stage.create()
    account = stage.create("Account", Name="Contoso")
    stage.simulator.lock_record(account)
    held = stage.simulator.seller.create_opportunity(Name="Held", AccountId=account)
    records = [
        TYPED | {"id": deal, "Name": "B"},
        TYPED | {"Id": ABSENT, "Name": "B"},
        TYPED | {"Name": "B"},
        TYPED | {"id": held, "Name": "B"},
    ]
    results = send(stage, "PATCH", "composite/sobjects", records)
    statuses = [result["errors"][0]["statusCode"] if result["errors"] else "" for result in results]
    assert statuses == ["", "NOT_FOUND", "REQUIRED_FIELD_MISSING", "UNABLE_TO_LOCK_ROW"]
    assert stage.simulator.row("Opportunity", deal)["Name"] == "B"


def test_upserts_hold_the_key_among_their_fields(stage: Stage) -> None:
    path = f"composite/sobjects/Opportunity/{KEY}"
    assert stage.upsert("R-1").status_code == 201
    records = [TYPED | DEAL | {KEY: "R-1"}, TYPED | DEAL | {KEY: "R-2"}, TYPED | DEAL]
    old, new, without = send(stage, "PATCH", path, records)
    assert (old["created"], new["created"]) == (False, True)
    assert without["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    (other,) = send(stage, "PATCH", path, [{"attributes": {"type": "Account"}, "Name": "x", KEY: "R-1"}])
    assert other["errors"][0]["statusCode"] == "INVALID_INPUT"


def test_deletes_name_their_records_in_the_address(stage: Stage) -> None:
    ids = [stage.create(), stage.create("Account", Name="Contoso")]
    response = stage.send("DELETE", f"composite/sobjects?ids={','.join([*ids, 'nonsense'])}")
    assert [result["success"] for result in json.loads(response.data)] == [True, True, False]
    assert stage.simulator.rows("Opportunity") == []
    stage.refused(400, "INVALID_INPUT", "DELETE", "composite/sobjects")


def test_reads_answer_null_for_what_is_not_there(stage: Stage) -> None:
    deal = stage.create()
    first, absent = stage.get(f"composite/sobjects/Opportunity?ids={deal},{ABSENT}&fields=Name")
    assert (first["Name"], absent) == ("A deal", None)
    response = stage.send("POST", "composite/sobjects/Opportunity", {"ids": [deal], "fields": ["Name"]})
    assert json.loads(response.data)[0]["Id"] == deal


@pytest.mark.parametrize(
    ("code", "records"),
    [
        ("EXCEEDED_ID_LIMIT", [TYPED | DEAL] * 201),
        ("LIMIT_EXCEEDED", [TYPED | DEAL, {"attributes": {"type": "Account"}, "Name": "x"}] * 6),
        ("INVALID_TYPE", [DEAL]),
        ("JSON_PARSER_ERROR", ["x"]),
        ("JSON_PARSER_ERROR", None),
        ("INVALID_FIELD", [TYPED | DEAL, TYPED | DEAL | {"Nothing__c": 1}]),
        ("JSON_PARSER_ERROR", [TYPED | DEAL, TYPED | DEAL | {"Amount": "x"}]),
    ],
)
def test_refused_collections(stage: Stage, code: str, records: object) -> None:
    stage.refused(400, code, "POST", "composite/sobjects", {"records": records})
    assert stage.simulator.rows("Opportunity") == []


def test_an_unknown_column_may_fail_its_record_alone() -> None:
    stage = Stage(quirks=Quirks(collection_field_errors="record"))
    good, bad = send(stage, "POST", "composite/sobjects", [TYPED | DEAL, TYPED | DEAL | {"Nothing__c": 1}])
    assert (good["success"], bad["errors"][0]["statusCode"]) == (True, "INVALID_FIELD")


def test_two_hundred_records_are_allowed(stage: Stage) -> None:
    assert all(result["success"] for result in send(stage, "POST", "composite/sobjects", [TYPED | DEAL] * 200))
