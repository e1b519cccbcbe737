"""Rows and conditions: what the simulated Dataverse accepts and refuses, by the vendor's documentation."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import Client

from tests.tools.simulators.dataverse_stage import ABSENT, REPRESENTATION, RESOURCE, ROOT, Stage
from tools.simulators.control import ControlApi
from tools.simulators.dataverse import Quirks
from tools.simulators.dataverse.control import EUR_ID, SELLER_ID


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestCreateAndRead:
    def test_post_answers_204_with_an_absolute_address(self, stage: Stage) -> None:
        response = stage.send("POST", "opportunities", {"name": "A deal"})
        assert response.status_code == 204
        assert re.fullmatch(rf"{RESOURCE}{ROOT}opportunities\([0-9a-f-]{{36}}\)", response.headers["OData-EntityId"])
        assert stage.get(response.headers["OData-EntityId"])["name"] == "A deal"

    def test_post_returns_the_row_when_preferred(self, stage: Stage) -> None:
        response = stage.send("POST", "opportunities?$select=name", {"name": "A deal"}, REPRESENTATION)
        assert response.status_code == 201
        assert response.headers["Preference-Applied"] == "return=representation"
        row = json.loads(response.data)
        assert set(row) == {"@odata.context", "@odata.etag", "name", "opportunityid"}
        assert re.fullmatch(r'W/"\d+"', row["@odata.etag"])

    def test_defaults_of_a_new_row(self, stage: Stage) -> None:
        row = stage.get(f"opportunities({stage.create()})")
        assert (row["statecode"], row["statuscode"]) == (0, 1)
        assert row["_ownerid_value"] == row["_owninguser_value"] == stage.user_id
        assert row["_createdby_value"] == row["_modifiedby_value"] == stage.user_id
        currency = stage.get(f"transactioncurrencies({row['_transactioncurrencyid_value']})")
        assert currency["isocurrencycode"] == "USD"
        assert row["createdon"].endswith("Z")
        assert row["cosell_syncwithpartnercenter"] is False
        assert row["description"] is None

    def test_versions_increase_over_all_tables(self, stage: Stage) -> None:
        first = stage.get(f"opportunities({stage.create()})")
        second = stage.get(f"accounts({stage.create('accounts', name='Fabrikam')})")
        assert second["versionnumber"] > first["versionnumber"]
        assert second["@odata.etag"] == f'W/"{second["versionnumber"]}"'

    def test_missing_rows(self, stage: Stage) -> None:
        for method, body in (("GET", None), ("DELETE", None)):
            message = stage.refused(404, "0x80040217", method, f"opportunities({ABSENT})", body)
            assert ABSENT in message
        stage.refused(404, "0x80060891", "GET", "opportunities(cosell_referralidentifier='none')")

    def test_expand_over_two_steps(self, stage: Stage) -> None:
        contact = stage.simulator.seller.create_contact(firstname="Ann", lastname="Lee")
        account = stage.simulator.seller.create_account(name="Fabrikam", primarycontactid=contact)
        deal = stage.simulator.seller.create_opportunity(name="A", parentaccountid=account)
        path = "$expand=parentaccountid($select=name;$expand=primarycontactid($select=fullname)),parentcontactid"
        row = stage.get(f"opportunities({deal})?$select=name&{path}")
        assert row["parentaccountid"]["name"] == "Fabrikam"
        assert row["parentaccountid"]["primarycontactid"]["fullname"] == "Ann Lee"
        assert row["parentcontactid"] is None

    def test_the_owner_is_a_principal_and_the_user_is_behind_owninguser(self, stage: Stage) -> None:
        deal = stage.simulator.seller.create_opportunity(name="A")
        row = stage.get(f"opportunities({deal})?$expand=ownerid,owninguser($select=fullname,mobilephone)")
        assert row["ownerid"] == {"ownerid": SELLER_ID}
        assert row["owninguser"]["fullname"] == "Sam Seller"
        stage.refused(400, "0x80060888", "GET", f"opportunities({deal})?$expand=ownerid($select=fullname)")
        lenient = Stage(Quirks(owner_is_principal=False))
        other = lenient.simulator.seller.create_opportunity(name="A")
        owner = lenient.get(f"opportunities({other})?$expand=ownerid($select=fullname)")["ownerid"]
        assert owner["fullname"] == "Sam Seller"

    @pytest.mark.parametrize(
        "query",
        [
            "$select=nothing",
            "$select=customerid",
            "$select=_name_value",
            "$expand=Parentaccountid",
            "$expand=name",
            "$expand=parentaccountid($select=nothing)",
            "$expand=parentaccountid($top=1)",
            "$expand=parentaccountid($select=name",
            "$skip=1",
            "$search=x",
        ],
    )
    def test_wrong_query_options(self, stage: Stage, query: str) -> None:
        stage.refused(400, "0x80060888", "GET", f"opportunities({stage.create()})?{query}")

    def test_annotations_for_a_polymorphic_lookup(self, stage: Stage) -> None:
        account = stage.simulator.seller.create_account(name="Fabrikam")
        deal = stage.simulator.seller.create_opportunity(name="A", customerid=account, estimatedclosedate="2026-12-31")
        prefer = {"Prefer": 'odata.include-annotations="*"'}
        path = f"opportunities({deal})?$select=_customerid_value,statuscode,estimatedclosedate"
        row = stage.get(path, prefer)
        assert row["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
        assert row["_customerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"] == "customerid_account"
        assert row["_customerid_value@OData.Community.Display.V1.FormattedValue"] == "Fabrikam"
        assert row["statuscode@OData.Community.Display.V1.FormattedValue"] == "In Progress"
        assert row["estimatedclosedate@OData.Community.Display.V1.FormattedValue"] == "12/31/2026"
        assert not [name for name in stage.get(path) if "@Micro" in name or "@OData" in name]
        only = {"Prefer": 'odata.include-annotations="Microsoft.Dynamics.CRM.lookuplogicalname"'}
        assert not [name for name in stage.get(path, only) if "Formatted" in name]

    def test_not_modified(self, stage: Stage) -> None:
        path = f"opportunities({stage.create()})"
        etag = stage.get(path)["@odata.etag"]
        assert stage.send("GET", path, headers={"If-None-Match": etag}).status_code == 304
        assert stage.send("GET", path, headers={"If-None-Match": 'W/"1"'}).status_code == 200
        assert stage.send("GET", path, headers={"If-None-Match": "null"}).status_code == 200
        expanded = stage.send("GET", f"{path}?$expand=owninguser", headers={"If-None-Match": etag})
        assert expanded.status_code == 200


class TestUpdateAndDelete:
    def test_patch_changes_and_stamps(self, stage: Stage) -> None:
        deal = stage.simulator.seller.create_opportunity(name="A")
        before = stage.get(f"opportunities({deal})")
        stage.clock.advance(timedelta(seconds=5))
        response = stage.send("PATCH", f"opportunities({deal})", {"name": "B"}, {"If-Match": "*"})
        assert response.status_code == 204
        after = stage.get(f"opportunities({deal})")
        assert (after["name"], after["_modifiedby_value"]) == ("B", stage.user_id)
        assert after["modifiedon"] > before["modifiedon"] == before["createdon"] == after["createdon"]
        assert after["@odata.etag"] != before["@odata.etag"]

    def test_patch_returns_the_row_when_preferred(self, stage: Stage) -> None:
        deal = stage.create()
        response = stage.send("PATCH", f"opportunities({deal})?$select=name", {"name": "B"}, REPRESENTATION)
        assert response.status_code == 200
        row = json.loads(response.data)
        assert row["@odata.etag"] == stage.get(f"opportunities({deal})")["@odata.etag"]

    def test_patch_without_a_condition_creates_a_deleted_row_again(self, stage: Stage) -> None:
        assert stage.send("PATCH", f"opportunities({ABSENT})", {"name": "B"}).status_code == 204
        assert stage.get(f"opportunities({ABSENT})")["name"] == "B"

    @pytest.mark.parametrize("condition", ["*", 'W/"1"'])
    def test_if_match_never_creates(self, stage: Stage, condition: str) -> None:
        headers = {"If-Match": condition}
        stage.refused(404, "0x80040217", "PATCH", f"opportunities({ABSENT})", {"name": "B"}, headers=headers)
        stage.refused(
            404, "0x80060891", "PATCH", "opportunities(cosell_referralidentifier='r')", {"name": "B"}, headers=headers
        )
        assert stage.simulator.rows("opportunity") == []

    def test_if_none_match_never_updates(self, stage: Stage) -> None:
        path, headers = f"opportunities({ABSENT})", {"If-None-Match": "*"}
        assert stage.send("PATCH", path, {"name": "A"}, headers).status_code == 204
        stage.refused(412, "0x80060892", "PATCH", path, {"name": "B"}, headers=headers)
        assert stage.get(path)["name"] == "A"

    @pytest.mark.parametrize(("empty", "code"), [(False, "0x80060882"), (True, "")])
    def test_a_stale_version_is_412_in_both_code_forms(self, empty: bool, code: str) -> None:
        stage = Stage(Quirks(empty_412_code=empty))
        path = f"opportunities({stage.create()})"
        etag = stage.get(path)["@odata.etag"]
        assert stage.send("PATCH", path, {"name": "B"}, {"If-Match": etag}).status_code == 204
        stage.refused(412, code, "PATCH", path, {"name": "C"}, headers={"If-Match": etag})
        stage.refused(412, code, "DELETE", path, headers={"If-Match": etag})
        assert stage.get(path)["name"] == "B"

    def test_delete(self, stage: Stage) -> None:
        path = f"opportunities({stage.create()})"
        etag = stage.get(path)["@odata.etag"]
        assert stage.send("DELETE", path, headers={"If-Match": etag}).status_code == 204
        assert stage.send("GET", path).status_code == 404

    def test_duplicate_id(self, stage: Stage) -> None:
        deal = stage.create(opportunityid=ABSENT)
        assert deal == ABSENT
        stage.refused(412, "0x80040237", "POST", "opportunities", {"name": "A", "opportunityid": ABSENT})


class TestAlternateKeys:
    PATH = "opportunities(cosell_referralidentifier='r-1')"

    def test_upsert_creates_then_updates(self, stage: Stage) -> None:
        created = stage.send("PATCH", f"{self.PATH}?$select=name", {"name": "A"}, REPRESENTATION)
        assert created.status_code == 201
        row = json.loads(created.data)
        updated = stage.send("PATCH", f"{self.PATH}?$select=name", {"name": "B"}, REPRESENTATION)
        assert updated.status_code == 200
        assert json.loads(updated.data)["opportunityid"] == row["opportunityid"]
        plain = stage.send("PATCH", self.PATH, {"name": "C"})
        assert plain.status_code == 204
        assert plain.headers["OData-EntityId"] == f"{RESOURCE}{ROOT}{self.PATH}"
        found = stage.get(self.PATH)
        assert (found["name"], found["cosell_referralidentifier"]) == ("C", "r-1")

    def test_on_create_the_body_wins_over_the_address(self, stage: Stage) -> None:
        stage.send("PATCH", self.PATH, {"name": "A", "cosell_referralidentifier": "r-2"})
        assert stage.send("GET", self.PATH).status_code == 404
        assert stage.get("opportunities(cosell_referralidentifier='r-2')")["name"] == "A"

    def test_duplicates_are_412(self, stage: Stage) -> None:
        stage.create(cosell_referralidentifier="r-1")
        other = stage.create()
        body = {"name": "B", "cosell_referralidentifier": "R-1"}
        message = stage.refused(412, "0x80060892", "POST", "opportunities", body)
        assert "cosell_referralidentifier" in message
        stage.refused(412, "0x80060892", "PATCH", f"opportunities({other})", {"cosell_referralidentifier": "r-1"})
        assert stage.get(f"opportunities({other})")["cosell_referralidentifier"] is None

    def test_null_keys_are_not_unique_and_freed_values_can_be_used_again(self, stage: Stage) -> None:
        first = stage.create(cosell_referralidentifier="r-1")
        stage.create()
        stage.create()
        stage.send("PATCH", f"opportunities({first})", {"cosell_referralidentifier": None})
        stage.create(cosell_referralidentifier="r-1")

    def test_undefined_keys(self, stage: Stage) -> None:
        stage.refused(400, "0x80060890", "GET", "opportunities(name='A')")
        stage.refused(400, "0x80060890", "GET", "opportunities(nothing='A')")
        bare = Stage(cosell_columns=False)
        bare.refused(400, "0x80060890", "GET", self.PATH)

    @pytest.mark.parametrize("character", [*"<>*:\\+", "%25", "%26", "%2F", "%3F"])
    def test_forbidden_characters_fail(self, stage: Stage, character: str) -> None:
        response = stage.send("GET", f"opportunities(cosell_referralidentifier='a{character}b')")
        assert response.status_code == 400
        assert json.loads(response.data)["error"]["code"] == "0x80060888"

    @pytest.mark.parametrize("key", ["", "x", "cosell_referralidentifier=", "cosell_referralidentifier=5", "'r-1'"])
    def test_malformed_keys(self, stage: Stage, key: str) -> None:
        assert stage.send("GET", f"opportunities({key})").status_code == 400

    def test_quotes_are_doubled(self, stage: Stage) -> None:
        stage.create(cosell_referralidentifier="O'Neil")
        assert stage.get("opportunities(cosell_referralidentifier='O''Neil')")["name"] == "A deal"

    def test_the_named_primary_key(self, stage: Stage) -> None:
        deal = stage.create()
        assert stage.get(f"opportunities(opportunityid={deal})")["name"] == "A deal"
        assert stage.send("GET", f"systemusers(systemuserid={SELLER_ID})").status_code == 400
        assert stage.get(f"systemusers({SELLER_ID})")["fullname"] == "Sam Seller"


class TestPlugIns:
    def test_an_asynchronous_one_moves_the_etag_on_after_the_reply(self, stage: Stage) -> None:
        stage.simulator.after_write(
            lambda table, _id, row: {"name": f"{row['name']}!"} if table == "opportunity" else None
        )
        response = stage.send("POST", "opportunities", {"name": "A"}, REPRESENTATION)
        row = json.loads(response.data)
        assert row["name"] == "A"
        now = stage.get(f"opportunities({row['opportunityid']})")
        assert now["name"] == "A!"
        assert now["@odata.etag"] != row["@odata.etag"]

    def test_a_synchronous_one_is_in_the_reply(self, stage: Stage) -> None:
        stage.simulator.after_write(lambda *_: {"description": "enriched"}, asynchronous=False, user_id=SELLER_ID)
        row = json.loads(stage.send("POST", "opportunities", {"name": "A"}, REPRESENTATION).data)
        assert (row["description"], row["_modifiedby_value"]) == ("enriched", SELLER_ID)
        assert row["@odata.etag"] == stage.get(f"opportunities({row['opportunityid']})")["@odata.etag"]

    def test_the_sellers_own_edits_do_not_run_it(self, stage: Stage) -> None:
        stage.simulator.after_write(lambda *_: {"description": "enriched"})
        deal = stage.simulator.seller.create_opportunity(name="A")
        assert stage.simulator.row("opportunity", deal)["description"] is None


class TestSeller:
    def test_acts_as_a_person(self, stage: Stage) -> None:
        seller = stage.simulator.seller
        account = seller.create_account(name="Fabrikam", address1_country="US")
        deal = seller.create_opportunity(
            name="A", parentaccountid=account, estimatedvalue=12.5, transactioncurrencyid=EUR_ID
        )
        seller.edit(deal, name="B")
        row = stage.simulator.row("opportunity", deal)
        assert row["name"] == "B"
        assert row["ownerid"] == row["modifiedby"] == SELLER_ID
        assert row["customerid"] == row["parentaccountid"] == account
        assert row["transactioncurrencyid"] == EUR_ID
        seller.delete(deal)
        with pytest.raises(KeyError):
            stage.simulator.row("opportunity", deal)
        assert stage.simulator.writes_by_app == {}

    def test_routes_over_http(self, stage: Stage) -> None:
        control = ControlApi()
        for (method, path), handler in stage.simulator.routes().items():
            control.add(method, path, handler)
        client = Client(control)

        def send(method: str, path: str, **body: object) -> dict[str, Any]:
            answer: dict[str, Any] = json.loads(client.open(f"/crm/opportunities{path}", method=method, json=body).data)
            return answer

        deal = send("POST", "", name="A", estimatedvalue=10.5)["id"]
        assert send("PATCH", f"/{deal}", name="B")["name"] == "B"
        send("POST", f"/{deal}/win")
        assert send("GET", f"/{deal}")["statecode"] == 1
        assert "already closed" in send("PATCH", f"/{deal}", name="C")["error"]
        assert client.get(f"/crm/opportunities/{ABSENT}").status_code == 404

    def test_routes(self, stage: Stage) -> None:
        routes = stage.simulator.routes()
        created = routes["POST", "/crm/opportunities"]({}, {"name": "A", "estimatedvalue": 10})
        assert isinstance(created, dict)
        path = {"id": str(created["id"])}
        routes["PATCH", "/crm/opportunities/{id}"](path, {"name": "B"})
        routes["POST", "/crm/opportunities/{id}/lose"](path, {"status": 5})
        row = routes["GET", "/crm/opportunities/{id}"](path, {})
        assert isinstance(row, dict)
        assert (row["name"], row["statecode"], row["statuscode"], row["estimatedvalue"]) == ("B", 2, 5, 10.0)
        json.dumps(routes["GET", "/crm/opportunities"]({}, {}))
        routes["DELETE", "/crm/opportunities/{id}"](path, {})
        assert routes["GET", "/crm/opportunities"]({}, {}) == []
