"""Access: whom the simulated Dataverse admits, and what it says to the others, by the vendor's documentation."""

from __future__ import annotations

import json

import pytest

from tests.tools.simulators.dataverse_stage import APP, RESOURCE, ROOT, Stage
from tools.simulators.dataverse import Quirks
from tools.simulators.dataverse.control import SELLER_ID


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestAccess:
    def test_who_am_i_names_the_application_user(self, stage: Stage) -> None:
        answer = stage.get("WhoAmI")
        assert answer["UserId"] == stage.user_id
        assert {"BusinessUnitId", "OrganizationId"} <= set(answer)

    @pytest.mark.parametrize("token", ["forged", "", f"{APP}|https://other.crm.dynamics.com"])
    def test_a_bad_token_is_401_without_a_body(self, stage: Stage, token: str) -> None:
        response = stage.send("GET", "WhoAmI", token=token)
        assert (response.status_code, response.data) == (401, b"")
        assert "Bearer" in response.headers["WWW-Authenticate"]

    def test_401_may_be_html(self) -> None:
        response = Stage(Quirks(html_401=True)).send("GET", "WhoAmI", token="forged")
        assert response.status_code == 401
        assert response.data.startswith(b"<html>")

    def test_an_app_that_is_no_user_is_403(self, stage: Stage) -> None:
        response = stage.send("GET", "WhoAmI", token=f"stranger|{RESOURCE}")
        assert response.status_code == 403
        assert json.loads(response.data)["error"]["code"] == "0x80072560"

    def test_an_app_user_without_roles_is_403(self, stage: Stage) -> None:
        stage.simulator.add_application_user(APP, roles=False)
        stage.refused(403, "0x80042f09", "GET", "WhoAmI")
        stage.simulator.add_application_user(APP)
        assert stage.get("WhoAmI")["UserId"] == stage.user_id

    def test_a_person_calls_as_their_own_user(self, stage: Stage) -> None:
        response = stage.send("GET", "WhoAmI", token=f"{APP}|{RESOURCE}|sam.seller@partner.example")
        assert json.loads(response.data)["UserId"] == SELLER_ID
        unknown = stage.send("GET", "WhoAmI", token=f"{APP}|{RESOURCE}|nobody@partner.example")
        assert unknown.status_code == 403

    @pytest.mark.parametrize(
        ("kind", "code"), [("requests", "0x80072322"), ("time", "0x80072321"), ("concurrency", "0x80072326")]
    )
    def test_service_protection(self, stage: Stage, kind: str, code: str) -> None:
        stage.simulator.throttle(kind, times=2, retry_after=17)  # type: ignore[arg-type]
        for _ in range(2):
            response = stage.send("GET", "WhoAmI")
            assert response.status_code == 429
            assert response.headers["Retry-After"] == "17"
            assert json.loads(response.data)["error"]["code"] == code
        assert stage.send("GET", "WhoAmI").status_code == 200

    def test_every_answer_carries_the_tracing_headers_and_a_cookie(self, stage: Stage) -> None:
        response = stage.send("GET", "WhoAmI")
        assert response.headers["OData-Version"] == "4.0"
        assert {"x-ms-service-request-id", "REQ_ID"} <= set(response.headers.keys())
        assert response.headers["Set-Cookie"].startswith("ARRAffinity=")

    def test_requests_that_keep_the_cookie_are_counted(self, stage: Stage) -> None:
        stage.send("GET", "WhoAmI")
        assert stage.simulator.requests_with_cookies == 0
        stage.send("GET", "WhoAmI", headers={"Cookie": "ARRAffinity=node-1"})
        assert stage.simulator.requests_with_cookies == 1

    def test_requests_and_writes_are_counted_by_app(self, stage: Stage) -> None:
        stage.create()
        stage.get("opportunities")
        assert stage.simulator.writes_by_app == {APP: 1}
        assert stage.simulator.requests_by_app == {APP: 2}

    def test_unknown_addresses_methods_and_formats(self, stage: Stage) -> None:
        stage.refused(404, "0x80060888", "GET", "nonsense")
        stage.refused(404, "0x80060888", "GET", "opportunity")
        stage.refused(405, "0x80060888", "PATCH", "opportunities", {})
        stage.refused(501, "0x80060888", "GET", "$metadata")
        stage.refused(415, "", "POST", "$batch", {})
        stage.refused(415, "0x80060888", "GET", "WhoAmI", headers={"Accept": "application/xml"})
        response = stage.client.post(
            f"{ROOT}opportunities", data="name=x", headers={"Authorization": f"Bearer {APP}|{RESOURCE}"}
        )
        assert response.status_code == 415
        text = stage.client.post(
            f"{ROOT}opportunities",
            data="{",
            content_type="application/json",
            headers={"Authorization": f"Bearer {APP}|{RESOURCE}"},
        )
        assert text.status_code == 400
        assert stage.client.get("/elsewhere", headers={"Authorization": f"Bearer {APP}|{RESOURCE}"}).status_code == 404
