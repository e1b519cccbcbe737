"""Validation, states, closing and qualifying in the simulated Dataverse."""

from __future__ import annotations

import json

import pytest

from tests.tools.simulators.dataverse_stage import ABSENT, Stage
from tools.simulators.dataverse import Quirks, RefusedError
from tools.simulators.dataverse.control import EUR_ID


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.mark.parametrize(
    ("code", "column", "value"),
    [
        ("0x80044331", "name", "x" * 301),
        ("0x80044331", "cosell_referralidentifier", "x" * 101),
        ("0x80044331", "emailaddress", "x" * 101),
        ("0x80044331", "cosell_syncstatus", "😀" * 51),
        ("0x80048d19", "name", 5),
        ("0x8004431a", "opportunityratingcode", 9),
        ("0x8004431a", "cosell_howcanmicrosofthelp", 7),
        ("0x80048d19", "opportunityratingcode", "Hot"),
        ("0x80048d19", "estimatedvalue", "100.00"),
        ("0x80048d19", "estimatedvalue", True),
        ("0x80044330", "estimatedvalue", 1_000_000_000_001),
        ("0x80044330", "estimatedvalue", -1),
        ("0x8004432f", "closeprobability", 101),
        ("0x80048d19", "closeprobability", 1.5),
        ("0x80048d19", "estimatedclosedate", "2026-11-24T00:00:00Z"),
        ("0x80048d19", "estimatedclosedate", "2026-02-30"),
        ("0x80048d19", "estimatedclosedate", "24.11.2026"),
        ("0x80040239", "estimatedclosedate", "0001-01-01"),
        ("0x80048d19", "cosell_syncwithpartnercenter", "true"),
        ("0x80048d19", "cosell_syncwithpartnercenter", 1),
        ("0x80048d19", "Name", "wrong case"),
        ("0x80048d19", "nothing", "x"),
        ("0x80048d19", "customerid", ABSENT),
        ("0x80048d19", "parentaccountid", ABSENT),
        ("0x80048d19", "_parentaccountid_value", ABSENT),
        ("0x80048d19", "ParentAccountId@odata.bind", f"/accounts({ABSENT})"),
        ("0x80048d19", "customerid@odata.bind", f"/accounts({ABSENT})"),
        ("0x80048d19", "parentaccountid@odata.bind", f"/contacts({ABSENT})"),
        ("0x80048d19", "parentaccountid@odata.bind", 5),
        ("0x80040200", "name", None),
        ("0x80040203", "createdon", "2026-01-01T00:00:00Z"),
        ("0x80040203", "exchangerate", 2),
    ],
)
def test_refused_values(stage: Stage, code: str, column: str, value: object) -> None:
    deal = stage.create(name="Kept")
    before = stage.simulator.row("opportunity", deal)
    for method, path in (("POST", "opportunities"), ("PATCH", f"opportunities({deal})")):
        message = stage.refused(400, code, method, path, {"name": "A"} | {column: value})
        assert column.removesuffix("@odata.bind") in message
    assert stage.simulator.row("opportunity", deal) == before
    assert len(stage.simulator.rows("opportunity")) == 1


def test_a_raw_lookup_is_told_to_use_the_navigation_property(stage: Stage) -> None:
    body = {"name": "A", "_parentaccountid_value": ABSENT}
    assert "Use Navigation properties" in stage.refused(400, "0x80048d19", "POST", "opportunities", body)
    body = {"name": "A", "ParentAccountId@odata.bind": f"/accounts({ABSENT})"}
    assert "undeclared property" in stage.refused(400, "0x80048d19", "POST", "opportunities", body)


def test_a_name_is_required(stage: Stage) -> None:
    stage.refused(400, "0x80040200", "POST", "opportunities", {})
    Stage(Quirks(application_required=frozenset())).create(name=None)


def test_read_only_columns_may_be_ignored_instead() -> None:
    stage = Stage(Quirks(read_only_columns="ignore"))
    deal = stage.create(exchangerate=5, statecode=1)
    row = stage.get(f"opportunities({deal})")
    assert (row["exchangerate"], row["statecode"]) == (1.0, 0)


@pytest.mark.parametrize(
    ("column", "given", "stored"),
    [
        ("estimatedvalue", 10.126, 10.13),
        ("estimatedvalue", 10.125, 10.12),
        ("estimatedvalue", 7, 7.0),
        ("description", "", None),
        ("estimatedclosedate", "2026-12-31", "2026-12-31"),
        ("name", "é😀", "é😀"),
        ("cosell_howcanmicrosofthelp", 6, 6),
        ("cosell_syncstatus", "😀" * 50, "😀" * 50),
    ],
)
def test_accepted_values(stage: Stage, column: str, given: object, stored: object) -> None:
    assert stage.get(f"opportunities({stage.create(**{column: given})})")[column] == stored


def test_binds_by_id_by_key_absolute_and_null(stage: Stage) -> None:
    account = stage.simulator.seller.create_account(name="Fabrikam")
    contact = stage.simulator.seller.create_contact(lastname="Lee")
    deal = stage.create(
        **{
            "customerid_account@odata.bind": f"/accounts({account})",
            "parentcontactid@odata.bind": f"https://org.crm.dynamics.com/api/data/v9.2/contacts({contact})",
            "transactioncurrencyid@odata.bind": f"transactioncurrencies({EUR_ID})",
        }
    )
    row = stage.get(f"opportunities({deal})")
    assert (row["_customerid_value"], row["_parentcontactid_value"]) == (account, contact)
    assert (row["_transactioncurrencyid_value"], row["exchangerate"]) == (EUR_ID, 0.92)
    change = {"customerid_account@odata.bind": None, "customerid_contact@odata.bind": f"/contacts({contact})"}
    stage.send("PATCH", f"opportunities({deal})", change)
    assert stage.get(f"opportunities({deal})")["_customerid_value"] == contact
    stage.send("PATCH", f"opportunities({deal})", {"parentcontactid": None})
    assert stage.get(f"opportunities({deal})")["_parentcontactid_value"] is None
    linked = stage.create(cosell_referralidentifier="r-1")
    assert linked
    body = {
        "Status": 3,
        "OpportunityClose": {"opportunityid@odata.bind": "/opportunities(cosell_referralidentifier='r-1')"},
    }
    assert stage.send("POST", "WinOpportunity", body).status_code == 204


@pytest.mark.parametrize("status", [404, 400])
def test_a_bind_to_a_missing_row(status: int) -> None:
    stage = Stage(Quirks(missing_bind_status=status))  # type: ignore[arg-type]
    body = {"name": "A", "parentaccountid@odata.bind": f"/accounts({ABSENT})"}
    stage.refused(status, "0x80040217", "POST", "opportunities", body)


def test_a_customer_follows_its_parent(stage: Stage) -> None:
    account = stage.simulator.seller.create_account(name="Fabrikam")
    deal = stage.create(**{"parentaccountid@odata.bind": f"/accounts({account})"})
    assert stage.get(f"opportunities({deal})")["_customerid_value"] == account


def test_a_system_calculated_revenue_swallows_the_given_one(stage: Stage) -> None:
    deal = stage.create(estimatedvalue=100, isrevenuesystemcalculated=True)
    assert stage.get(f"opportunities({deal})")["estimatedvalue"] == 0
    stage.send("PATCH", f"opportunities({deal})", {"isrevenuesystemcalculated": False, "estimatedvalue": 100})
    assert stage.get(f"opportunities({deal})")["estimatedvalue"] == 100


def test_base_amounts_follow_the_exchange_rate(stage: Stage) -> None:
    bind = {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({EUR_ID})"}
    row = stage.get(f"opportunities({stage.create(estimatedvalue=92, **bind)})")
    assert row["estimatedvalue_base"] == 100


class TestStates:
    def test_create_takes_no_state_and_only_open_reasons(self, stage: Stage) -> None:
        stage.refused(400, "0x80040203", "POST", "opportunities", {"name": "A", "statecode": 0})
        stage.refused(400, "0x80048408", "POST", "opportunities", {"name": "A", "statuscode": 3})
        row = stage.get(f"opportunities({stage.create(statuscode=2)})")
        assert (row["statecode"], row["statuscode"]) == (0, 2)

    @pytest.mark.parametrize("state", [1, 2])
    def test_patch_never_closes(self, stage: Stage, state: int) -> None:
        path = f"opportunities({stage.create()})"
        action = {1: "WinOpportunity", 2: "LoseOpportunity"}[state]
        assert action in stage.refused(400, "0x80100005", "PATCH", path, {"statecode": state})
        stage.refused(400, "0x80048408", "PATCH", path, {"statuscode": 3})
        stage.refused(400, "0x80048408", "PATCH", path, {"statecode": 0, "statuscode": 4})
        stage.refused(400, "0x80040200", "PATCH", path, {"statecode": None})
        assert stage.get(path)["statecode"] == 0

    def test_a_closed_row_takes_only_its_reopening(self, stage: Stage) -> None:
        deal = stage.create(estimatedvalue=50)
        path = f"opportunities({deal})"
        stage.simulator.seller.win(deal)
        stage.refused(400, "0x80040515", "PATCH", path, {"description": "late"})
        stage.refused(400, "0x80040515", "PATCH", path, {"statecode": 0, "description": "late"})
        assert stage.send("PATCH", path, {"statecode": 0}).status_code == 204
        row = stage.get(path)
        assert (row["statecode"], row["statuscode"], row["description"]) == (0, 1, None)
        assert stage.send("PATCH", path, {"description": "in time"}).status_code == 204

    def test_leads_are_disqualified_by_patch(self, stage: Stage) -> None:
        lead = stage.create("leads", subject="A", lastname="Lee")
        stage.refused(400, "0x80048408", "PATCH", f"leads({lead})", {"statecode": 2, "statuscode": 3})
        assert stage.send("PATCH", f"leads({lead})", {"statecode": 2}).status_code == 204
        row = stage.get(f"leads({lead})")
        assert (row["statecode"], row["statuscode"], row["fullname"]) == (2, 4, "Lee")


def close_body(deal: str, status: int, **activity: object) -> dict[str, object]:
    return {"Status": status, "OpportunityClose": {"opportunityid@odata.bind": f"/opportunities({deal})"} | activity}


class TestClosing:
    @pytest.mark.parametrize(
        ("action", "status", "state", "reason"),
        [
            ("WinOpportunity", 3, 1, 3),
            ("WinOpportunity", -1, 1, 3),
            ("LoseOpportunity", 5, 2, 5),
            ("LoseOpportunity", -1, 2, 4),
        ],
    )
    def test_closes_with_an_activity(self, stage: Stage, action: str, status: int, state: int, reason: int) -> None:
        deal = stage.create(estimatedvalue=50)
        activity = {"subject": "Done", "actualrevenue": 60, "actualend": "2026-03-04T05:06:07Z"}
        assert stage.send("POST", action, close_body(deal, status, **activity)).status_code == 204
        row = stage.get(f"opportunities({deal})")
        assert (row["statecode"], row["statuscode"]) == (state, reason)
        assert (row["actualvalue"], row["actualclosedate"]) == (60, "2026-03-04")
        (close,) = stage.get("opportunitycloses")["value"]
        assert (close["subject"], close["_opportunityid_value"]) == ("Done", deal)

    def test_the_estimated_value_stands_in_for_the_actual_one(self, stage: Stage) -> None:
        deal = stage.create(estimatedvalue=50)
        stage.send("POST", "WinOpportunity", close_body(deal, 3))
        row = stage.get(f"opportunities({deal})")
        assert row["actualvalue"] == 50
        assert row["actualclosedate"] == f"{stage.clock.now():%Y-%m-%d}"

    def test_closing_twice(self, stage: Stage) -> None:
        deal = stage.create()
        stage.send("POST", "LoseOpportunity", close_body(deal, 4))
        stage.refused(400, "0x80040515", "POST", "LoseOpportunity", close_body(deal, 4))
        stage.refused(400, "0x80040515", "POST", "WinOpportunity", close_body(deal, 3))
        assert len(stage.simulator.rows("opportunityclose")) == 1

    def test_refusals(self, stage: Stage) -> None:
        deal = stage.create()
        stage.refused(400, "0x80048408", "POST", "WinOpportunity", close_body(deal, 4))
        stage.refused(400, "0x80048d19", "POST", "WinOpportunity", {"Status": 3})
        stage.refused(400, "0x80048d19", "POST", "WinOpportunity", {"OpportunityClose": {}})
        stage.refused(400, "0x80040200", "POST", "WinOpportunity", {"Status": 3, "OpportunityClose": {"subject": "x"}})
        stage.refused(400, "0x80048d19", "POST", "WinOpportunity", close_body(deal, 3) | {"Reason": "x"})
        stage.refused(400, "0x80048d19", "POST", "WinOpportunity", close_body(deal, 3, nothing="x"))
        stage.refused(404, "0x80040217", "POST", "WinOpportunity", close_body(ABSENT, 3))
        stage.refused(404, "0x80060888", "POST", "CloseOpportunity", close_body(deal, 3))
        assert stage.get(f"opportunities({deal})")["statecode"] == 0
        assert stage.simulator.rows("opportunityclose") == []

    def test_the_seller_closes_and_reopens(self, stage: Stage) -> None:
        seller = stage.simulator.seller
        deal = seller.create_opportunity(name="A")
        seller.lose(deal, 5)
        assert stage.simulator.row("opportunity", deal)["statuscode"] == 5
        with pytest.raises(RefusedError, match="already closed"):
            seller.edit(deal, name="B")
        seller.reopen(deal)
        seller.edit(deal, name="B")
        assert stage.simulator.row("opportunity", deal)["name"] == "B"


class TestQualifyLead:
    ACTION = "Microsoft.Dynamics.CRM.QualifyLead"

    def body(self, **more: object) -> dict[str, object]:
        create = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": True}
        return create | {"Status": 3, "OpportunityCurrencyId": {"transactioncurrencyid": EUR_ID}} | more

    def test_creates_what_was_asked_for(self, stage: Stage) -> None:
        lead = stage.create("leads", subject="Deal", companyname="Fabrikam", lastname="Lee", address1_country="US")
        response = stage.send("POST", f"leads({lead})/{self.ACTION}", self.body())
        assert response.status_code == 200
        created = json.loads(response.data)["value"]
        assert [each["@odata.type"].rpartition(".")[2] for each in created] == ["account", "contact", "opportunity"]
        deal = stage.get(f"opportunities({created[2]['opportunityid']})?$expand=parentaccountid")
        assert (deal["name"], deal["_originatingleadid_value"]) == ("Deal", lead)
        assert (deal["parentaccountid"]["name"], deal["parentaccountid"]["address1_country"]) == ("Fabrikam", "US")
        assert deal["_transactioncurrencyid_value"] == EUR_ID
        row = stage.get(f"leads({lead})")
        assert (row["statecode"], row["statuscode"]) == (1, 3)
        assert row["_qualifyingopportunityid_value"] == deal["opportunityid"]

    def test_refusals(self, stage: Stage) -> None:
        lead = stage.create("leads", subject="Deal", lastname="Lee")
        path = f"leads({lead})/{self.ACTION}"
        stage.refused(400, "0x80048d19", "POST", path, {"Status": 3})
        stage.refused(400, "0x80048408", "POST", path, self.body(Status=1))
        stage.refused(404, "0x80040217", "POST", f"leads({ABSENT})/{self.ACTION}", self.body())
        stage.refused(404, "0x80060888", "POST", f"leads({lead})/QualifyLead", self.body())
        assert stage.send("POST", path, self.body(CreateAccount=False)).status_code == 200
        stage.refused(400, "0x80048408", "POST", path, self.body())
