"""SOQL, pages, and what readers see in the simulated Salesforce."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.tools.simulators.salesforce_stage import Stage
from tools.simulators.salesforce import Quirks


@pytest.fixture(scope="module")
def deals() -> Stage:
    """Three deals and their people, for queries, which leave no trace."""
    stage = Stage()
    account = stage.create("Account", Name="O'Neil & Söhne", BillingPostalCode="80331")
    contact = stage.create("Contact", FirstName="Jane", LastName="Doe", Email="jane@contoso.example", AccountId=account)
    other = stage.create("Contact", LastName="Roe", AccountId=account)
    first = stage.create(Name="Alpha", Amount=10, CloseDate="2027-01-31", AccountId=account)
    stage.create(Name="beta_1", Amount=20.5, CloseDate="2027-02-28", Referral_Identifier__c="R-1")
    stage.create(Name="Gamma", CloseDate="2027-03-31", StageName="Closed Won", Sync_with_Partner_Center__c=True)
    stage.create("OpportunityContactRole", OpportunityId=first, ContactId=other, Role="Evaluator")
    stage.create("OpportunityContactRole", OpportunityId=first, ContactId=contact, IsPrimary=True)
    return stage


def names(stage: Stage, where: str) -> list[str]:
    return [row["Name"] for row in stage.records(f"SELECT Name FROM Opportunity WHERE {where} ORDER BY Name")]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("Name = 'ALPHA'", ["Alpha"]),
        ("Name != 'alpha'", ["beta_1", "Gamma"]),
        ("Name <> 'alpha' AND Amount = null", ["Gamma"]),
        ("Amount > 10", ["beta_1"]),
        ("Amount >= 10.0 AND Amount <= 20.5", ["Alpha", "beta_1"]),
        ("Amount < 11", ["Alpha"]),
        ("Amount != 10", ["beta_1", "Gamma"]),
        ("Amount != null", ["Alpha", "beta_1"]),
        ("Name IN ('alpha', 'Gamma')", ["Alpha", "Gamma"]),
        ("Name NOT IN ('alpha')", ["beta_1", "Gamma"]),
        ("Name LIKE 'b%'", ["beta_1"]),
        ("Name LIKE '_lpha'", ["Alpha"]),
        ("Name LIKE 'beta\\_1'", ["beta_1"]),
        ("Name LIKE 'Alph\\_'", []),
        ("NOT Name = 'Alpha'", ["beta_1", "Gamma"]),
        ("(Name = 'Alpha' OR Name = 'Gamma') AND IsWon = false", ["Alpha"]),
        ("NOT (Name = 'Alpha' OR IsClosed = TRUE)", ["beta_1"]),
        ("CloseDate = 2027-01-31", ["Alpha"]),
        ("CloseDate > 2027-01-31", ["beta_1", "Gamma"]),
        ("CloseDate > TODAY", ["Alpha", "beta_1", "Gamma"]),
        ("SystemModstamp >= 2020-01-01T00:00:00Z", ["Alpha", "beta_1", "Gamma"]),
        ("SystemModstamp < 2020-01-01T00:00:00.000+01:00", []),
        ("Account.Name = 'O\\'Neil & Söhne'", ["Alpha"]),
        ("Account.Name = null", ["beta_1", "Gamma"]),
        ("Opportunity.Name = 'Alpha'", ["Alpha"]),
        ("Sync_with_Partner_Center__c = true", ["Gamma"]),
        ("Referral_Identifier__c = 'r-1'", ["beta_1"]),
        ("Id IN (SELECT OpportunityId FROM OpportunityContactRole WHERE IsPrimary = true)", ["Alpha"]),
        ("Id NOT IN (SELECT OpportunityId FROM OpportunityContactRole)", ["beta_1", "Gamma"]),
    ],
)
def test_conditions(deals: Stage, where: str, expected: list[str]) -> None:
    assert names(deals, where) == expected


def test_ids_are_compared_in_either_form(deals: Stage) -> None:
    (row,) = deals.records("SELECT Id, Name FROM Opportunity WHERE Name = 'Alpha'")
    assert len(row["Id"]) == 18
    assert names(deals, f"Id = '{row['Id'][:15]}'") == ["Alpha"]
    assert deals.get(f"sobjects/Opportunity/{row['Id'][:15]}")["Id"] == row["Id"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("Amount", ["Gamma", "Alpha", "beta_1"]),
        ("Amount DESC", ["Gamma", "beta_1", "Alpha"]),
        ("Amount ASC NULLS LAST", ["Alpha", "beta_1", "Gamma"]),
        ("Amount DESC NULLS LAST, Id", ["beta_1", "Alpha", "Gamma"]),
        ("IsClosed DESC, CloseDate DESC", ["Gamma", "beta_1", "Alpha"]),
        ("Account.Name NULLS LAST, Name DESC", ["Alpha", "Gamma", "beta_1"]),
    ],
)
def test_order(deals: Stage, order: str, expected: list[str]) -> None:
    assert [row["Name"] for row in deals.records(f"SELECT Name FROM Opportunity ORDER BY {order}")] == expected


def test_limit_offset_and_count(deals: Stage) -> None:
    page = deals.query("SELECT Name FROM Opportunity ORDER BY Name LIMIT 1 OFFSET 1")
    assert [row["Name"] for row in page["records"]] == ["beta_1"]
    assert deals.query("SELECT COUNT() FROM Opportunity WHERE Amount != null")["totalSize"] == 2


def test_the_shape_of_an_answer(deals: Stage) -> None:
    soql = (
        "SELECT Id, Name, Account.BillingPostalCode, Owner.Email, CreatedDate,"
        " (SELECT Contact.Name, Contact.Email FROM OpportunityContactRoles WHERE IsPrimary = true)"
        " FROM Opportunity ORDER BY Name LIMIT 2"
    )
    page = deals.query(soql)
    alpha, beta = page["records"]
    assert (page["totalSize"], page["done"]) == (2, True)
    url = f"/services/data/v66.0/sobjects/Opportunity/{alpha['Id']}"
    assert alpha["attributes"] == {"type": "Opportunity", "url": url}
    assert alpha["Account"]["BillingPostalCode"] == "80331"
    assert alpha["Owner"]["Email"] == "cosell.integration@partner.example"
    roles = alpha["OpportunityContactRoles"]
    assert (roles["totalSize"], roles["done"]) == (1, True)
    assert roles["records"][0]["Contact"]["Name"] == "Jane Doe"
    assert beta["Account"] is None
    assert beta["OpportunityContactRoles"] is None
    assert alpha["CreatedDate"].endswith(".000+0000")


def test_an_account_lists_its_children(deals: Stage) -> None:
    soql = "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName DESC LIMIT 1) FROM Account"
    (account,) = deals.records(soql)
    assert [row["LastName"] for row in account["Contacts"]["records"]] == ["Roe"]


@pytest.mark.parametrize(
    ("code", "soql"),
    [
        ("MALFORMED_QUERY", ""),
        ("MALFORMED_QUERY", "SELECT"),
        ("MALFORMED_QUERY", "SELECT FROM Opportunity"),
        ("MALFORMED_QUERY", "SELECT Id Opportunity"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE Name = 'a' AND Name = 'b' OR Name = 'c'"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE Name = 'a"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE Name = 'a\\q'"),
        ("MALFORMED_QUERY", 'SELECT Id FROM Opportunity WHERE Name = "a"'),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE Name == 'a'"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE Name IN ()"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE Name IN 'a'"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE SystemModstamp > 2026-05-07T22:07:19"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE SystemModstamp > 2026-05-07T22:07:19 00:00"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE CloseDate = 2026-02-30"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity LIMIT many"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity LIMIT -1"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity ORDER Name"),
        ("MALFORMED_QUERY", "SELECT Id, Id FROM Opportunity"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity;"),
        ("INVALID_QUERY_FILTER_OPERATOR", "SELECT Id FROM Opportunity WHERE Id = 'abc'"),
        ("MALFORMED_QUERY", "SELECT Id FROM Opportunity WHERE Id IN (SELECT Id, Name FROM Opportunity)"),
        ("INVALID_TYPE", "SELECT Id FROM Nothing"),
        ("INVALID_TYPE", "SELECT Id FROM CurrencyType"),
        ("INVALID_TYPE", "SELECT Id, (SELECT Id FROM Nothings) FROM Opportunity"),
        ("INVALID_FIELD", "SELECT Nothing__c FROM Opportunity"),
        ("INVALID_FIELD", "SELECT CurrencyIsoCode FROM Opportunity"),
        ("INVALID_FIELD", "SELECT Account.Nothing FROM Opportunity"),
        ("INVALID_FIELD", "SELECT Nobody.Name FROM Opportunity"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Nothing = 1"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity ORDER BY Nothing"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Description = 'x'"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Audit__c LIKE 'x'"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity ORDER BY Description"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Name = 5"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Amount = '5'"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Amount > null"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE Amount LIKE '5'"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE IsWon = 'true'"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE IsWon > true"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE SystemModstamp > '2026-05-07T22:07:19Z'"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE SystemModstamp > 2026-05-07"),
        ("INVALID_FIELD", "SELECT Id FROM Opportunity WHERE CloseDate > 2026-05-07T22:07:19Z"),
        ("NUMBER_OUTSIDE_VALID_RANGE", "SELECT Id FROM Opportunity OFFSET 2001"),
    ],
)
def test_refused_queries(deals: Stage, code: str, soql: str) -> None:
    deals.refused_query(code, soql)


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT COUNT(Id) FROM Opportunity",
        "SELECT toLabel(StageName) FROM Opportunity",
        "SELECT StageName FROM Opportunity GROUP BY StageName",
        "SELECT Id FROM Opportunity WHERE CreatedDate = LAST_N_DAYS:3",
        "SELECT Id FROM Opportunity FOR UPDATE",
    ],
)
def test_what_the_simulator_lacks_is_not_called_malformed(deals: Stage, soql: str) -> None:
    response = deals.send("GET", f"query?q={soql.replace(' ', '+')}")
    assert response.status_code == 501, response.text


def test_a_refusal_points_at_the_place(deals: Stage) -> None:
    message = deals.refused_query("INVALID_FIELD", "SELECT Id, Nothing__c FROM Opportunity")
    assert "ERROR at Row:1:Column:12" in message
    assert "No such column 'Nothing__c' on entity 'Opportunity'" in message


# --- pages -------------------------------------------------------------------------------------------------------


def test_a_long_result_comes_in_pages() -> None:
    stage = Stage()
    ids = [stage.seller.create_opportunity(Name=f"Deal {n:03}") for n in range(450)]
    soql = "SELECT Id FROM Opportunity ORDER BY SystemModstamp, Id"
    assert stage.query(soql)["done"] is True
    pages = [stage.query(soql, {"Sforce-Query-Options": "batchSize=200"})]
    while not pages[-1]["done"]:
        url = pages[-1]["nextRecordsUrl"]
        assert url.rpartition("-")[2] == str(200 * len(pages))
        assert url.startswith("/services/data/v66.0/query/01g")
        pages.append(stage.get(url, {"Sforce-Query-Options": "batchSize=200"}))
    assert [len(page["records"]) for page in pages] == [200, 200, 50]
    assert [row["Id"] for page in pages for row in page["records"]] == ids
    assert all(page["totalSize"] == 450 for page in pages)


@pytest.mark.parametrize(("hint", "size"), [("batchSize=5", 200), ("batchSize=250", 250), ("batchSize=9999", 260)])
def test_the_batch_size_is_kept_within_limits(hint: str, size: int) -> None:
    stage = Stage()
    for number in range(260):
        stage.seller.create_opportunity(Name=f"Deal {number}")
    page = stage.query("SELECT Id FROM Opportunity", {"Sforce-Query-Options": hint})
    assert len(page["records"]) == size


def test_the_batch_size_is_a_hint_that_has_to_be_readable() -> None:
    stage = Stage(quirks=Quirks(batch_size=2))
    for number in range(3):
        stage.seller.create_opportunity(Name=f"Deal {number}")
    page = stage.query("SELECT Id FROM Opportunity", {"Sforce-Query-Options": "batchSize=500"})
    assert len(page["records"]) == 2
    headers = {"Sforce-Query-Options": "batchSize=many"}
    stage.refused(400, "INVALID_HEADER", "GET", "query?q=SELECT+Id+FROM+User", headers=headers)


def next_page(stage: Stage) -> str:
    for number in range(3):
        stage.seller.create_opportunity(Name=f"Deal {number}")
    return str(stage.query("SELECT Id FROM Opportunity")["nextRecordsUrl"])


def test_a_cursor_lives_two_days() -> None:
    stage = Stage(quirks=Quirks(batch_size=2, session_timeout=timedelta(days=9)))
    url = next_page(stage)
    stage.pass_time(hours=47)
    assert len(stage.get(url)["records"]) == 1
    stage.pass_time(hours=2)
    stage.refused(400, "INVALID_QUERY_LOCATOR", "GET", url)


def test_a_cursor_belongs_to_its_session() -> None:
    stage = Stage(quirks=Quirks(batch_size=2))
    url = next_page(stage)
    stage.sign_in()
    stage.refused(400, "INVALID_QUERY_LOCATOR", "GET", url)
    stage.quirks.cursor_of_another_session = "session error"
    stage.refused(401, "INVALID_SESSION_ID", "GET", url)
    stage.quirks.cursor_of_another_session = "served"
    assert stage.get(url)["done"] is True


def test_a_cursor_may_be_gone() -> None:
    stage = Stage(quirks=Quirks(batch_size=2))
    url = next_page(stage)
    stage.refused(400, "INVALID_QUERY_LOCATOR", "GET", f"{url[:-1]}9")
    stage.simulator.drop_cursors()
    stage.refused(400, "INVALID_QUERY_LOCATOR", "GET", url)
    stage.refused(400, "INVALID_QUERY_LOCATOR", "GET", "query/nonsense-2")


# --- what readers see --------------------------------------------------------------------------------------------


def test_query_all_shows_the_recycle_bin_for_fifteen_days() -> None:
    stage = Stage()
    deal = stage.create(Name="Gone")
    stage.seller.delete(deal)
    soql = "SELECT Id, Name, IsDeleted FROM Opportunity WHERE IsDeleted = true"
    assert stage.records("SELECT Id FROM Opportunity") == []
    (row,) = stage.records(soql, deleted=True)
    assert (row["Id"], row["Name"], row["IsDeleted"]) == (deal, "Gone", True)
    stage.pass_time(days=15, minutes=1)
    stage.sign_in()
    assert stage.records(soql, deleted=True) == []
    stage.refused(404, "NOT_FOUND", "GET", f"sobjects/Opportunity/{deal}")


def test_the_recycle_bin_may_be_purged() -> None:
    stage = Stage()
    deal = stage.create()
    stage.seller.delete(deal)
    stage.simulator.purge_recycle_bin()
    assert stage.records("SELECT Id FROM Opportunity", deleted=True) == []
    stage.refused(404, "NOT_FOUND", "GET", f"sobjects/Opportunity/{deal}")


def test_a_row_of_a_long_transaction_surfaces_late_with_its_old_stamp() -> None:
    stage = Stage(quirks=Quirks(commit_delay=timedelta(minutes=2)))
    slow = stage.seller.create_opportunity(Name="Slow")
    stage.pass_time(seconds=60)
    fast = stage.create(Name="Fast")
    soql = "SELECT Id, SystemModstamp FROM Opportunity ORDER BY SystemModstamp"
    (seen,) = stage.records(soql)
    assert seen["Id"] == fast
    stage.pass_time(seconds=61)
    rows = stage.records(soql)
    assert [row["Id"] for row in rows] == [slow, fast]
    assert rows[0]["SystemModstamp"] < seen["SystemModstamp"]


def test_an_edit_of_a_long_transaction_surfaces_late_and_locks_the_row() -> None:
    stage = Stage()
    deal = stage.create(Name="Before")
    stage.quirks.commit_delay = timedelta(minutes=2)
    stage.seller.edit(deal, Name="After")
    path = f"sobjects/Opportunity/{deal}"
    assert stage.get(path)["Name"] == "Before"
    stage.refused(400, "UNABLE_TO_LOCK_ROW", "PATCH", path, {"Name": "Ours"})
    stage.pass_time(minutes=2)
    assert stage.get(path)["Name"] == "After"
    assert stage.send("PATCH", path, {"Name": "Ours"}).status_code == 204


def test_a_mass_update_leaves_one_stamp() -> None:
    stage = Stage()
    ids = [stage.seller.create_opportunity(Name=f"Deal {number}") for number in range(5)]
    stage.pass_time(seconds=5)
    stage.seller.edit_all(ids, NextStep="call")
    rows: list[dict[str, Any]] = stage.records("SELECT Id, SystemModstamp FROM Opportunity ORDER BY SystemModstamp, Id")
    assert [row["Id"] for row in rows] == ids
    assert len({row["SystemModstamp"] for row in rows}) == 1
