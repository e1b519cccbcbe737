"""Validation, derived fields, addresses and keys in the simulated Salesforce."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.tools.simulators.salesforce_stage import ABSENT, DEAL, KEY, VERSION, Stage
from tools.simulators.salesforce import Quirks


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize(
    ("code", "column", "value"),
    [
        ("STRING_TOO_LONG", "Name", "x" * 121),
        ("STRING_TOO_LONG", "Products__c", "x" * 256),
        ("STRING_TOO_LONG", "Sync_Status__c", "😀" * 51),
        ("JSON_PARSER_ERROR", "Name", 5),
        ("JSON_PARSER_ERROR", "Name", ["a"]),
        ("JSON_PARSER_ERROR", "Amount", "100.00"),
        ("JSON_PARSER_ERROR", "Amount", True),
        ("JSON_PARSER_ERROR", "CloseDate", "24.11.2026"),
        ("JSON_PARSER_ERROR", "CloseDate", "2026-02-30"),
        ("JSON_PARSER_ERROR", "CloseDate", "2026-11-24T00:00:00Z"),
        ("JSON_PARSER_ERROR", "CloseDate", 20261124),
        ("JSON_PARSER_ERROR", "Sync_with_Partner_Center__c", "true"),
        ("JSON_PARSER_ERROR", "Sync_with_Partner_Center__c", 1),
        ("JSON_PARSER_ERROR", "Sync_with_Partner_Center__c", None),
        ("NUMBER_OUTSIDE_VALID_RANGE", "Amount", 10**16),
        ("NUMBER_OUTSIDE_VALID_RANGE", "Probability", 1000),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "StageName", "Dreaming"),
        ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "How_can_Microsoft_help__c", "7"),
        ("REQUIRED_FIELD_MISSING", "Name", None),
        ("REQUIRED_FIELD_MISSING", "Name", "   "),
        ("REQUIRED_FIELD_MISSING", "StageName", None),
        ("REQUIRED_FIELD_MISSING", "CloseDate", None),
        ("INVALID_FIELD", "Nothing__c", "x"),
        ("INVALID_FIELD", "CurrencyIsoCode", "USD"),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", "IsWon", True),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", "IsClosed", False),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", "SystemModstamp", "2026-01-01T00:00:00Z"),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", "CreatedDate", "2026-01-01T00:00:00Z"),
        ("INVALID_FIELD_FOR_INSERT_UPDATE", "FiscalYear", 2027),
        ("MALFORMED_ID", "AccountId", "no id"),
        ("MALFORMED_ID", "AccountId", ABSENT),
        ("MALFORMED_ID", "OwnerId", "0055e0000ZZZZZZaaa"),
        ("INVALID_CROSS_REFERENCE_KEY", "AccountId", "0015e0000ZZZZZZ"),
    ],
)
def test_refused_values(stage: Stage, code: str, column: str, value: object) -> None:
    deal = stage.create(Name="Kept")
    before = stage.simulator.row("Opportunity", deal)
    stage.refused(400, code, "POST", "sobjects/Opportunity", DEAL | {column: value})
    stage.refused(400, code, "PATCH", f"sobjects/Opportunity/{deal}", {column: value})
    assert stage.simulator.row("Opportunity", deal) == before
    assert len(stage.simulator.rows("Opportunity")) == 1


def test_an_id_is_never_written(stage: Stage) -> None:
    deal = stage.create()
    body = {"Id": deal, "Name": "B"}
    stage.refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "POST", "sobjects/Opportunity", DEAL | body)
    message = stage.refused(400, "INVALID_FIELD", "PATCH", f"sobjects/Opportunity/{deal}", body)
    assert message == "The Id field should not be specified in the sobject data."


def test_data_errors_name_the_fields(stage: Stage) -> None:
    response = stage.send("POST", "sobjects/Opportunity", {"Name": "A"})
    (error,) = json.loads(response.data)
    assert error == {
        "message": "Required fields are missing: [StageName, CloseDate]",
        "errorCode": "REQUIRED_FIELD_MISSING",
        "fields": ["StageName", "CloseDate"],
    }


def test_other_objects_have_their_rules(stage: Stage) -> None:
    stage.refused(400, "REQUIRED_FIELD_MISSING", "POST", "sobjects/Account", {"Phone": "1"})
    stage.refused(400, "REQUIRED_FIELD_MISSING", "POST", "sobjects/Contact", {"FirstName": "Jane"})
    bad = {"LastName": "Doe", "Email": "not a mail"}
    stage.refused(400, "INVALID_EMAIL_ADDRESS", "POST", "sobjects/Contact", bad)
    stage.refused(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "POST", "sobjects/OpportunityStage", {"ApiName": "x"})
    contact = stage.create("Contact", LastName="Doe")
    stage.refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "PATCH", f"sobjects/Contact/{contact}", {"Name": "X"})
    role = stage.create("OpportunityContactRole", OpportunityId=stage.create(), ContactId=contact)
    path, moved = f"sobjects/OpportunityContactRole/{role}", {"OpportunityId": stage.create()}
    stage.refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "PATCH", path, moved)


def test_values_as_they_are_stored(stage: Stage) -> None:
    path = f"sobjects/Opportunity/{stage.create(name='  A deal ', NextStep='', Amount=10.005, Description=None)}"
    row = stage.get(path)
    assert (row["Name"], row["NextStep"], row["Amount"], row["Description"]) == ("A deal", None, 10.01, None)
    assert row["Sync_with_Partner_Center__c"] is False
    assert row["OwnerId"] == row["CreatedById"] == stage.user_id
    assert (row["FiscalYear"], row["FiscalQuarter"]) == (2027, 2)
    chosen = stage.get(f"{path}?fields=Name,amount")
    assert set(chosen) == {"attributes", "Name", "Amount", "Id"}
    stage.refused(400, "INVALID_FIELD", "GET", f"{path}?fields=Nothing")


def test_the_stage_decides_what_is_closed(stage: Stage) -> None:
    deal = stage.create()
    path = f"sobjects/Opportunity/{deal}"

    def outcome() -> tuple[object, ...]:
        row = stage.get(path)
        return row["IsClosed"], row["IsWon"], row["Probability"], row["ForecastCategoryName"]

    assert outcome() == (False, False, 10, "Pipeline")
    stage.send("PATCH", path, {"StageName": "Closed Won"})
    assert outcome() == (True, True, 100, "Closed")
    stage.seller.reopen(deal)
    stage.seller.lose(deal)
    assert outcome() == (True, False, 0, "Omitted")
    stage.send("PATCH", path, {"StageName": "Qualification", "Probability": 55})
    assert outcome() == (False, False, 55, "Pipeline")
    stage.seller.win(deal)
    assert outcome() == (True, True, 100, "Closed")


def test_an_org_may_take_any_stage() -> None:
    stage = Stage(quirks=Quirks(restricted_stage=False))
    assert stage.get(f"sobjects/Opportunity/{stage.create(StageName='Dreaming')}")["IsClosed"] is False


def test_amount_is_ignored_once_product_lines_make_it_up(stage: Stage) -> None:
    deal = stage.create(Amount=5)
    stage.seller.add_product_lines(deal, Decimal(70))
    response = stage.send("PATCH", f"sobjects/Opportunity/{deal}", {"Amount": 9, "NextStep": "call"})
    row = stage.simulator.row("Opportunity", deal)
    assert (response.status_code, row["Amount"], row["NextStep"]) == (204, Decimal(70), "call")


def test_currency_where_multi_currency_is_on() -> None:
    stage = Stage(multi_currency=True)
    assert stage.get(f"sobjects/Opportunity/{stage.create()}")["CurrencyIsoCode"] == "USD"
    deal = stage.create(CurrencyIsoCode="EUR")
    (row,) = stage.records(f"SELECT CurrencyIsoCode FROM Opportunity WHERE Id = '{deal}'")
    assert row["CurrencyIsoCode"] == "EUR"
    rule = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    stage.refused(400, rule, "PATCH", f"sobjects/Opportunity/{deal}", {"CurrencyIsoCode": "XXX"})
    (corporate,) = stage.records("SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true")
    assert corporate["IsoCode"] == "USD"


def test_one_contact_role_is_primary(stage: Stage) -> None:
    deal = stage.create()
    contacts = [stage.create("Contact", LastName=name) for name in ("Doe", "Roe")]
    for contact in contacts:
        stage.seller.set_primary_contact(deal, contact)
    rows = stage.records("SELECT ContactId, IsPrimary FROM OpportunityContactRole ORDER BY Id")
    assert [row["IsPrimary"] for row in rows] == [False, True]


# --- addresses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "given"),
    [
        (404, "NOT_FOUND", ABSENT),
        (404, "NOT_FOUND", "nonsense"),
        (400, "MALFORMED_ID", "0015e0000000001"),
        (400, "MALFORMED_ID", "0065e0000000001AAB"),
        (400, "MALFORMED_ID", "0065e00000-0001"),
    ],
)
def test_addresses_of_no_record(stage: Stage, status: int, code: str, given: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"Name": "x"}), ("DELETE", None)):
        stage.refused(status, code, method, f"sobjects/Opportunity/{given}", body)


def test_delete_goes_to_the_recycle_bin_and_comes_back(stage: Stage) -> None:
    account = stage.create("Account", Name="Contoso")
    deal = stage.create(AccountId=account)
    path = f"sobjects/Opportunity/{deal}"
    assert stage.send("DELETE", path).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"Name": "x"}), ("DELETE", None)):
        stage.refused(404, "ENTITY_IS_DELETED", method, path, body)
    stage.seller.undelete(deal)
    assert stage.get(path)["Name"] == "A deal"
    with pytest.raises(KeyError):
        stage.seller.undelete(deal)


def test_deleting_an_account_takes_its_deals_along(stage: Stage) -> None:
    account = stage.create("Account", Name="Contoso")
    deal = stage.create(AccountId=account)
    stage.seller.delete(account)
    stage.refused(404, "ENTITY_IS_DELETED", "GET", f"sobjects/Opportunity/{deal}")
    stage.refused(400, "INVALID_CROSS_REFERENCE_KEY", "POST", "sobjects/Opportunity", DEAL | {"AccountId": account})
    stage.seller.undelete(account)
    assert stage.get(f"sobjects/Opportunity/{deal}")["AccountId"] == account


# --- upsert ------------------------------------------------------------------------------------------------------


def test_upsert_creates_then_updates(stage: Stage) -> None:
    made = stage.upsert("R-1")
    document = json.loads(made.data)
    assert (made.status_code, document["created"], document["success"]) == (201, True, True)
    assert made.headers["Location"].endswith(document["id"])
    again = stage.upsert("r-1", Name="B")
    assert (again.status_code, json.loads(again.data)["created"]) == (200, False)
    assert stage.simulator.row("Opportunity", document["id"])["Name"] == "B"
    assert stage.get(f"sobjects/Opportunity/{KEY}/R-1")["Id"] == document["id"]


def test_older_versions_answer_an_update_with_nothing(stage: Stage) -> None:
    stage.upsert("R-1")
    response = stage.send("PATCH", f"sobjects/Opportunity/{KEY}/R-1", {"Name": "B"}, version="45.0")
    assert (response.status_code, response.data) == (204, b"")


@pytest.mark.parametrize("value", ["a/b", "a b", "a+b", "a%b", "ä?&#=;", "a.b", "'"])
def test_key_values_in_an_address_are_decoded_as_servers_do(stage: Stage, value: str) -> None:
    document = json.loads(stage.upsert(value).data)
    assert stage.simulator.row("Opportunity", document["id"])[KEY] == value
    assert json.loads(stage.upsert(value).data)["created"] is False


def test_an_unencoded_slash_is_another_address(stage: Stage) -> None:
    stage.refused(404, "NOT_FOUND", "PATCH", f"sobjects/Opportunity/{KEY}/a/b", DEAL)


def test_refused_upserts(stage: Stage) -> None:
    stage.refused(400, "INVALID_FIELD", "PATCH", f"sobjects/Opportunity/{KEY}/R-1", DEAL | {KEY: "R-1"})
    for field in ("Nothing__c", "Name", "NextStep"):
        stage.refused(404, "NOT_FOUND", "PATCH", f"sobjects/Opportunity/{field}/R-1", DEAL)
    stage.refused(404, "NOT_FOUND", "PATCH", f"sobjects/Opportunity/{KEY}/R-1?updateOnly=true", DEAL)
    stage.refused(404, "NOT_FOUND", "GET", f"sobjects/Opportunity/{KEY}/R-1")
    stage.refused(404, "NOT_FOUND", "DELETE", f"sobjects/Opportunity/{KEY}/R-1")
    stage.refused(400, "STRING_TOO_LONG", "PATCH", f"sobjects/Opportunity/{KEY}/{'x' * 101}", DEAL)
    stage.refused(400, "REQUIRED_FIELD_MISSING", "PATCH", f"sobjects/Opportunity/{KEY}/R-1", {"Name": "A"})
    assert stage.simulator.rows("Opportunity") == []


def test_update_only_updates(stage: Stage) -> None:
    stage.upsert("R-1")
    path = f"sobjects/Opportunity/{KEY}/R-1?updateOnly=true"
    assert stage.send("PATCH", path, {"Name": "B"}).status_code == 200


def test_several_matches_are_listed() -> None:
    stage = Stage()
    opportunity = stage.simulator.org.objects["opportunity"]
    opportunity.add(replace(opportunity.fields[KEY], unique=False))
    ids = [stage.create(**{KEY: "R-1"}) for _ in range(2)]
    response = stage.upsert("R-1")
    root = f"/services/data/v{VERSION}/sobjects/Opportunity"
    assert (response.status_code, json.loads(response.data)) == (300, [f"{root}/{name}" for name in ids])


def test_a_unique_key_is_unique_without_regard_to_case(stage: Stage) -> None:
    first = stage.create(**{KEY: "R-1"})
    message = stage.refused(400, "DUPLICATE_VALUE", "POST", "sobjects/Opportunity", DEAL | {KEY: "r-1"})
    assert first[:15] in message
    stage.seller.delete(first)
    assert stage.create(**{KEY: "R-1"})


def test_the_loser_of_two_first_upserts_is_told_and_may_try_again(stage: Stage) -> None:
    stage.simulator.lose_races()
    response = stage.upsert("R-1")
    assert (response.status_code, json.loads(response.data)[0]["errorCode"]) == (400, "DUPLICATE_VALUE")
    assert stage.upsert("R-1").status_code == 200
    assert len(stage.simulator.rows("Opportunity")) == 1
