"""Queries, paging and change tracking in the simulated Dataverse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.tools.simulators.dataverse_stage import APP, RESOURCE, ROOT, TRACK, Stage
from tools.simulators.dataverse import Quirks
from tools.simulators.dataverse.control import EUR_ID, SELLER_ID


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def sales(stage: Stage) -> Stage:
    seller = stage.simulator.seller
    seller.create_opportunity(name="Alpha", estimatedvalue=10, estimatedclosedate="2026-01-01")
    seller.create_opportunity(name="beta (B)", estimatedvalue=20, estimatedclosedate="2026-02-01", statuscode=2)
    seller.create_opportunity(name="O'Neil", estimatedvalue=30, cosell_syncwithpartnercenter=True)
    return stage


@pytest.mark.parametrize(
    ("test", "names"),
    [
        ("name eq 'alpha'", ["Alpha"]),
        ("name eq 'O''Neil'", ["O'Neil"]),
        ("name ne 'Alpha'", ["beta (B)", "O'Neil"]),
        ("estimatedvalue gt 10 and estimatedvalue le 30", ["beta (B)", "O'Neil"]),
        ("estimatedvalue lt 20 or estimatedvalue ge 30.00", ["Alpha", "O'Neil"]),
        ("estimatedclosedate eq null", ["O'Neil"]),
        ("estimatedclosedate lt 2026-02-01", ["Alpha"]),
        ("not (statuscode eq 1)", ["beta (B)"]),
        ("statuscode eq 2 or name eq 'Alpha' and estimatedvalue eq 99", ["beta (B)"]),
        ("(statuscode eq 2 or name eq 'Alpha') and estimatedvalue eq 10", ["Alpha"]),
        ("contains(name,'(b)')", ["beta (B)"]),
        ("startswith(name,'o') or endswith(name, 'PHA')", ["Alpha", "O'Neil"]),
        ("cosell_syncwithpartnercenter eq true", ["O'Neil"]),
        (f"_ownerid_value eq {SELLER_ID}", ["Alpha", "beta (B)", "O'Neil"]),
        ("modifiedon ge 2020-01-01T00:00:00Z and createdon lt 2020-01-01T00:00:00Z", []),
    ],
)
def test_filter(sales: Stage, test: str, names: list[str]) -> None:
    found = sales.get(f"opportunities?$select=name&$filter={test.replace('+', '%2B')}")["value"]
    assert [row["name"] for row in found] == names


@pytest.mark.parametrize(
    "test",
    [
        "nothing eq 1",
        "ownerid eq null",
        "name eq Alpha",
        "name eq 5",
        "estimatedvalue eq '10'",
        f"_ownerid_value eq '{SELLER_ID}'",
        "estimatedclosedate eq '2026-01-01'",
        "name like 'A'",
        "name eq 'Alpha' and",
        "(name eq 'Alpha'",
        "name eq 'Alpha' name",
        "contains(name)",
        "contains(estimatedvalue,'1')",
        "name = 'Alpha'",
    ],
)
def test_refused_filters(sales: Stage, test: str) -> None:
    sales.refused(400, "0x80060888", "GET", f"opportunities?$filter={test}")


def test_order_and_top(sales: Stage) -> None:
    found = sales.get("opportunities?$orderby=estimatedclosedate desc,name&$top=2")["value"]
    assert [row["name"] for row in found] == ["beta (B)", "Alpha"]
    found = sales.get("opportunities?$orderby=estimatedclosedate")["value"]
    assert [row["name"] for row in found] == ["O'Neil", "Alpha", "beta (B)"]
    sales.refused(400, "0x80060888", "GET", "opportunities?$orderby=name sideways")
    sales.refused(400, "0x80060888", "GET", "opportunities?$top=-1")


def test_currency_by_iso_code(stage: Stage) -> None:
    path = "transactioncurrencies?$select=transactioncurrencyid&$filter=isocurrencycode eq 'EUR'"
    (row,) = stage.get(path)["value"]
    assert row["transactioncurrencyid"] == EUR_ID


def test_counts(sales: Stage) -> None:
    assert sales.get("opportunities?$count=true&$filter=statuscode eq 1")["@odata.count"] == 2
    assert sales.send("GET", "opportunities/$count").text == "3"


def test_paging_is_absolute_opaque_and_frozen(sales: Stage) -> None:
    prefer = {"Prefer": "odata.maxpagesize=2"}
    first = sales.get("opportunities?$select=name&$orderby=name&$top=1&tag=sync", prefer)
    assert [row["name"] for row in first["value"]] == ["Alpha", "beta (B)"], "$top is ignored with a page size"
    assert first["@odata.nextLink"].startswith(f"{RESOURCE}{ROOT}opportunities?")
    sales.create(name="AAA")
    second = sales.get(first["@odata.nextLink"], prefer)
    assert [row["name"] for row in second["value"]] == ["O'Neil"]
    assert set(second["value"][0]) == {"@odata.etag", "name", "opportunityid"}
    assert "@odata.nextLink" not in second
    sales.refused(400, "0x80060888", "GET", "opportunities?$skiptoken=invented")


def test_the_page_size_has_a_limit() -> None:
    stage = Stage(Quirks(max_page_size=2))
    for _ in range(3):
        stage.create()
    assert len(stage.get("opportunities", {"Prefer": "odata.maxpagesize=100"})["value"]) == 2


def start(stage: Stage, select: str = "name") -> str:
    """Read everything and return the delta link."""
    return str(stage.get(f"opportunities?$select={select}", TRACK)["@odata.deltaLink"])


def names(document: dict[str, Any]) -> list[object]:
    return [row.get("name", row.get("reason")) for row in document["value"]]


class TestChangeTracking:
    def test_a_full_read_then_only_changes(self, sales: Stage) -> None:
        response = sales.send("GET", "opportunities?$select=name", headers=TRACK)
        assert response.headers["Preference-Applied"] == "odata.track-changes"
        link = start(sales)
        assert link.startswith(f"{RESOURCE}{ROOT}opportunities?$select=name&$deltatoken=")
        assert "!" not in link
        assert "!" in parse_qs(urlsplit(link).query)["$deltatoken"][0]
        sales.create(name="New")
        delta = sales.get(link)
        assert names(delta) == ["New"]
        assert delta["@odata.context"].endswith("#opportunities(name)/$delta")
        assert set(delta["value"][0]) == {"@odata.etag", "name", "opportunityid"}
        empty = sales.get(delta["@odata.deltaLink"])
        assert names(empty) == []
        assert "@odata.deltaLink" in empty

    def test_the_same_link_can_be_followed_again(self, sales: Stage) -> None:
        link = start(sales)
        sales.create(name="New")
        assert names(sales.get(link)) == names(sales.get(link)) == ["New"]

    def test_rows_by_version_once_then_deletions(self, sales: Stage) -> None:
        seller = sales.simulator.seller
        first, second, third = (str(row["opportunityid"]) for row in sales.simulator.rows("opportunity"))
        link = start(sales)
        seller.edit(second, name="B1")
        brief = seller.create_opportunity(name="Brief")
        seller.delete(first)
        seller.edit(third, name="C1")
        seller.edit(second, name="B2")
        seller.delete(brief)
        delta = sales.get(link)
        assert names(delta) == ["C1", "B2", "deleted", "deleted"]
        gone = delta["value"][2:]
        assert [row["id"] for row in gone] == [first, brief]
        assert gone[0] == {
            "@odata.context": f"{RESOURCE}{ROOT}$metadata#opportunities/$deletedEntity",
            "id": first,
            "reason": "deleted",
        }
        token = urlsplit(link).query.partition("$deltatoken=")[2]
        assert sales.send("GET", f"opportunities/$count?$deltatoken={token}").text == "4"

    def test_etags_equal_those_of_writes(self, stage: Stage) -> None:
        link = start(stage)
        deal = stage.create(name="A")
        (row,) = stage.get(link)["value"]
        assert row["@odata.etag"] == stage.get(f"opportunities({deal})")["@odata.etag"]

    def test_paging_gives_the_delta_link_last(self, sales: Stage) -> None:
        prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=2"}
        first = sales.get("opportunities?$select=name", prefer)
        assert "@odata.deltaLink" not in first
        sales.create(name="Meanwhile")
        last = sales.get(first["@odata.nextLink"], prefer)
        assert names(last) == ["O'Neil"]
        assert names(sales.get(last["@odata.deltaLink"])) == ["Meanwhile"]

    def test_the_preference_must_be_repeated_on_every_page(self, sales: Stage) -> None:
        first = sales.get("opportunities", {"Prefer": "odata.track-changes,odata.maxpagesize=2"})
        assert "@odata.deltaLink" not in sales.get(first["@odata.nextLink"])

    def test_changes_during_the_first_load_may_be_lost(self) -> None:
        stage = Stage(Quirks(lose_changes_during_first_load=True))
        for _ in range(3):
            stage.create()
        prefer = {"Prefer": "odata.track-changes,odata.maxpagesize=2"}
        first = stage.get("opportunities", prefer)
        stage.create(name="Meanwhile")
        last = stage.get(first["@odata.nextLink"], prefer)
        assert names(stage.get(last["@odata.deltaLink"])) == []

    def test_a_delta_pages_too(self, stage: Stage) -> None:
        doomed = stage.create()
        link = start(stage)
        for name in "ABC":
            stage.create(name=name)
        stage.simulator.seller.delete(doomed)
        prefer = {"Prefer": "odata.maxpagesize=3"}
        first = stage.get(link, prefer)
        assert names(first) == ["A", "B", "C"]
        assert "@odata.deltaLink" not in first
        last = stage.get(first["@odata.nextLink"], prefer)
        assert names(last) == ["deleted"]
        assert names(stage.get(last["@odata.deltaLink"])) == []

    @pytest.mark.parametrize("option", ["$filter=name eq 'A'", "$orderby=name", "$expand=owninguser", "$top=1"])
    def test_refused_options(self, stage: Stage, option: str) -> None:
        message = stage.refused(400, "0x80060888", "GET", f"opportunities?{option}", headers=TRACK)
        assert "not supported when change tracking" in message
        link = start(stage)
        stage.refused(400, "0x80060888", "GET", f"{link}&{option}")

    def test_needs_tracking_and_global_read(self, stage: Stage) -> None:
        stage.refused(400, "0x80072491", "GET", "systemusers", headers=TRACK)
        stage.simulator.add_application_user(APP, global_read=False)
        stage.refused(403, "0x80040220", "GET", "opportunities", headers=TRACK)
        assert stage.send("GET", "opportunities").status_code == 200

    @pytest.mark.parametrize("status", [400, 404, 410])
    def test_a_token_expires_with_the_retention(self, status: int) -> None:
        stage = Stage(Quirks(expired_token_status=status))  # type: ignore[arg-type]
        assert (
            stage.get("organizations?$select=expirechangetrackingindays")["value"][0]["expirechangetrackingindays"] == 7
        )
        link = start(stage)
        stage.clock.advance(timedelta(days=6, hours=23))
        assert stage.send("GET", link).status_code == 200
        stage.clock.advance(timedelta(hours=2))
        assert "full sync" in stage.refused(status, "0x80044352", "GET", link)
        assert start(stage)

    def test_the_retention_can_be_changed(self, stage: Stage) -> None:
        stage.simulator.set_retention(1)
        link = start(stage)
        stage.clock.advance(timedelta(days=1, seconds=2))
        stage.refused(400, "0x80044352", "GET", link)

    def test_a_metadata_change_expires_tokens(self) -> None:
        for voids in (True, False):
            stage = Stage(Quirks(metadata_change_voids_tokens=voids), cosell_columns=False)
            stage.create()
            link = start(stage)
            stage.create(name="New")
            stage.simulator.provision_cosell_columns()
            assert stage.send("GET", link).status_code == (400 if voids else 200)
            assert stage.send("GET", start(stage)).status_code == 200

    def test_annotations_lose_the_delta_link(self, stage: Stage) -> None:
        prefer = {"Prefer": 'odata.track-changes,odata.include-annotations="*"'}
        assert "@odata.deltaLink" not in stage.get("opportunities", prefer)
        kind = Stage(Quirks(annotations_drop_delta_link=False))
        assert "@odata.deltaLink" in kind.get("opportunities", prefer)

    @pytest.mark.parametrize("token", ["", "abc", "12", "12!yesterday"])
    def test_malformed_tokens(self, stage: Stage, token: str) -> None:
        stage.refused(400, "0x80060888", "GET", f"opportunities?$deltatoken={token}")
