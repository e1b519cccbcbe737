"""Signing in, sessions, versions, limits and the manners of HTTP in the simulated Salesforce."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import jwt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.tools.simulators.salesforce_stage import APP, DEAL, MY_DOMAIN, SECRET, Stage
from tools.simulators.salesforce import Quirks
from tools.simulators.salesforce.seeding import INTEGRATION_USER

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def stage() -> Stage:
    return Stage()


# --- client credentials ------------------------------------------------------------------------------------------


def test_client_credentials_answer_what_the_vendor_documents(stage: Stage) -> None:
    answer = stage.sign(grant_type="client_credentials", client_id=APP, client_secret=SECRET)
    assert answer["instance_url"] == MY_DOMAIN
    assert answer["token_type"] == "Bearer"
    assert answer["id"].endswith(stage.user_id)
    assert answer["issued_at"].isdigit()
    assert {"signature", "scope", "access_token"} <= set(answer)


def test_client_credentials_by_basic_authentication(stage: Stage) -> None:
    basic = base64.b64encode(f"{APP}:{SECRET}".encode()).decode()
    assert stage.sign(200, {"Authorization": f"Basic {basic}"}, grant_type="client_credentials")["access_token"]


@pytest.mark.parametrize(
    ("error", "form"),
    [
        ("unsupported_grant_type", {"client_id": APP}),
        ("unsupported_grant_type", {"grant_type": "implicit"}),
        ("invalid_client_id", {"grant_type": "client_credentials", "client_id": "x", "client_secret": SECRET}),
        ("invalid_client", {"grant_type": "client_credentials", "client_id": APP, "client_secret": "x"}),
        ("invalid_grant", {"grant_type": JWT_GRANT, "assertion": "nonsense"}),
        (
            "invalid_grant",
            {
                "grant_type": "password",
                "client_id": APP,
                "client_secret": SECRET,
                "username": INTEGRATION_USER,
                "password": "pw+token",
            },
        ),
    ],
)
def test_refused_token_requests(stage: Stage, error: str, form: dict[str, str]) -> None:
    answer = stage.sign(400, **form)
    assert set(answer) == {"error", "error_description"}
    assert answer["error"] == error


def test_the_token_endpoint_wants_a_form(stage: Stage) -> None:
    response = stage.client.post("/services/oauth2/token", base_url=MY_DOMAIN, json={"grant_type": "x"})
    assert (response.status_code, json.loads(response.data)["error"]) == (400, "invalid_request")


def test_an_older_org_still_grants_a_password() -> None:
    stage = Stage(quirks=Quirks(password_grant=True))
    form = {"grant_type": "password", "username": INTEGRATION_USER, "password": "pw"}
    assert stage.sign(client_id=APP, client_secret=SECRET, **form)["access_token"]


# --- JWT bearer --------------------------------------------------------------------------------------------------


def assertion(stage: Stage, *, key: rsa.RSAPrivateKey = KEY, algorithm: str = "RS256", **claims: object) -> str:
    given: dict[str, object] = {"iss": "jwt-app", "sub": INTEGRATION_USER, "aud": MY_DOMAIN}
    given |= {"exp": int((stage.clock.now() + timedelta(minutes=3)).timestamp())}
    return jwt.encode(given | claims, key if algorithm == "RS256" else "x" * 32, algorithm=algorithm)


@pytest.fixture
def jwt_stage(stage: Stage) -> Stage:
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    stage.simulator.add_connected_app("jwt-app", public_key=public)
    return stage


@pytest.mark.parametrize("audience", [MY_DOMAIN, "https://login.salesforce.com", "https://test.salesforce.com"])
def test_a_signed_assertion_opens_a_session(jwt_stage: Stage, audience: str) -> None:
    answer = jwt_stage.sign(grant_type=JWT_GRANT, assertion=assertion(jwt_stage, aud=audience))
    jwt_stage.token = answer["access_token"]
    assert jwt_stage.get("limits")


def test_an_admin_uploads_a_certificate(stage: Stage) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    stage.simulator.add_connected_app("jwt-app", public_key=authority.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert stage.sign(grant_type=JWT_GRANT, assertion=assertion(stage, key=key))["access_token"]


@pytest.mark.parametrize(
    ("description", "claims"),
    [
        ("invalid assertion", {"key": OTHER_KEY}),
        ("invalid assertion", {"algorithm": "HS256"}),
        ("invalid assertion", {"exp": "soon"}),
        ("client identifier invalid", {"iss": "unknown"}),
        ("user hasn't approved this consumer", {"sub": "nobody@partner.example"}),
        ("user hasn't approved this consumer", {"sub": "sam.seller@partner.example"}),
        ("audience is invalid", {"aud": "https://other.my.salesforce.com"}),
        ("token validity expired", {"exp": 1_000_000_000}),
        ("expiration is too far in the future", {"exp": 9_999_999_999}),
    ],
)
def test_refused_assertions(jwt_stage: Stage, description: str, claims: dict[str, object]) -> None:
    answer = jwt_stage.sign(400, grant_type=JWT_GRANT, assertion=assertion(jwt_stage, **claims))  # type: ignore[arg-type]
    assert answer["error_description"] == description


def test_an_app_with_a_secret_alone_takes_no_assertion(stage: Stage) -> None:
    assert stage.sign(400, grant_type=JWT_GRANT, assertion=assertion(stage, iss=APP))["error"] == "invalid_grant"


def test_an_external_client_app_insists_on_the_my_domain(jwt_stage: Stage) -> None:
    jwt_stage.quirks.generic_audience = False
    signed = assertion(jwt_stage, aud="https://login.salesforce.com")
    assert jwt_stage.sign(400, grant_type=JWT_GRANT, assertion=signed)["error_description"] == "audience is invalid"


# --- SOAP --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "text"), [("59.0", "disabled by default"), ("65.0", "not available in API version 65.0")]
)
def test_soap_login_is_refused(stage: Stage, version: str, text: str) -> None:
    response = stage.client.post(f"/services/Soap/u/{version}", base_url=MY_DOMAIN, data="<login/>")
    assert response.status_code == 500
    assert text in response.text


# --- sessions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "Bearer 00D5e000000AbCd!forged", "Basic 00D5e000000AbCd!forged"])
def test_no_session_no_answer(stage: Stage, header: str) -> None:
    message = stage.refused(401, "INVALID_SESSION_ID", "GET", "limits", headers={"Authorization": header})
    assert message == "Session expired or invalid"


def test_a_token_that_is_no_session_id_is_taken_for_a_bad_jwt(stage: Stage) -> None:
    stage.refused(401, "INVALID_AUTH_HEADER", "GET", "limits", headers={"Authorization": "Bearer ey.not.one"})


def test_sessions_expire_on_demand_and_signing_in_again_helps(stage: Stage) -> None:
    stage.simulator.expire_sessions()
    stage.refused(401, "INVALID_SESSION_ID", "GET", "limits")
    stage.sign_in()
    assert stage.get("limits")


def test_a_session_may_expire_in_the_middle_of_a_sequence(stage: Stage) -> None:
    stage.simulator.expire_sessions(after=2)
    stage.get("limits")
    stage.get("limits")
    stage.refused(401, "INVALID_SESSION_ID", "GET", "limits")
    stage.sign_in()
    stage.get("limits")
    stage.get("limits")


def test_an_unused_session_times_out_and_a_used_one_does_not(stage: Stage) -> None:
    for _ in range(3):
        stage.pass_time(minutes=100)
        stage.get("limits")
    stage.pass_time(minutes=121)
    stage.refused(401, "INVALID_SESSION_ID", "GET", "limits")


def test_error_bodies_may_be_an_object_or_a_page(stage: Stage) -> None:
    stage.simulator.expire_sessions()
    stage.quirks.error_bodies = "object"
    assert json.loads(stage.send("GET", "limits").data)["errorCode"] == "INVALID_SESSION_ID"
    stage.quirks.error_bodies = "html"
    assert stage.send("GET", "limits").content_type.startswith("text/html")
    stage.sign_in()
    stage.simulator.fail("unavailable")
    response = stage.send("GET", "limits")
    assert (response.status_code, response.text[:6]) == (503, "<html>")


def test_userinfo_names_the_integration_user(stage: Stage) -> None:
    info = stage.get("/services/oauth2/userinfo")
    assert info["preferred_username"] == INTEGRATION_USER
    assert info["user_id"] == stage.user_id
    (org,) = stage.records("SELECT Id, IsSandbox, OrganizationType FROM Organization")
    assert org["Id"] == info["organization_id"]


# --- versions ----------------------------------------------------------------------------------------------------


def test_versions_are_public(stage: Stage) -> None:
    stage.token = ""
    offered = [entry["version"] for entry in stage.get("/services/data/")]
    assert offered[-1] == "67.0"
    assert "30.0" not in offered


def test_unsupported_versions(stage: Stage) -> None:
    stage.refused(410, "UNSUPPORTED_API_VERSION", "GET", "limits", version="30.0")
    stage.refused(410, "UNSUPPORTED_API_VERSION", "GET", "limits", version="21.0")
    for version in ("20.0", "99.0", "66", "x"):
        stage.refused(404, "NOT_FOUND", "GET", "limits", version=version)
    assert "sobjects" in stage.get("")


# --- HTTP --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["nothing", "sobjects/Nothing", "sobjects/Nothing/describe", "sobjects/Account/a/b/c", "query/a/b"]
)
def test_unknown_resources(stage: Stage, path: str) -> None:
    stage.refused(404, "NOT_FOUND", "GET", path)
    stage.refused(404, "NOT_FOUND", "GET", "/nowhere")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "query"),
        ("PUT", "sobjects/Opportunity"),
        ("PATCH", "sobjects/Opportunity"),
        ("GET", "composite"),
        ("PUT", "composite/sobjects"),
        ("DELETE", "limits"),
    ],
)
def test_methods_that_are_not_allowed(stage: Stage, method: str, path: str) -> None:
    assert "Allowed are" in stage.refused(405, "METHOD_NOT_ALLOWED", method, path)


@pytest.mark.parametrize("data", [b"not json", b"{", b"{'a': 1}", b'{"Amount": NaN}', b"\xff", b"", b"[]", b'"x"'])
def test_bodies_that_are_no_json_object(stage: Stage, data: bytes) -> None:
    response = stage.send("POST", "sobjects/Opportunity", data=data)
    assert response.status_code == 400
    assert json.loads(response.data)[0]["errorCode"] == "JSON_PARSER_ERROR"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_other_content_is_refused(stage: Stage, kind: str) -> None:
    stage.refused(415, "UNSUPPORTED_MEDIA_TYPE", "POST", "sobjects/Opportunity", DEAL, {"Content-Type": kind})
    assert stage.simulator.rows("Opportunity") == []


def test_an_answer_has_to_be_acceptable_and_the_address_not_endless(stage: Stage) -> None:
    stage.refused(406, "NOT_ACCEPTABLE", "GET", "limits", headers={"Accept": "text/csv"})
    stage.refused(414, "URI_TOO_LONG", "GET", f"query?q={'x' * 16_384}")


def test_a_reply_carries_the_date_of_the_org(stage: Stage) -> None:
    stage.pass_time(days=3)
    date = stage.send("GET", "limits").date
    assert date is not None
    assert abs(date - stage.clock.now()) < timedelta(seconds=60)


# --- limits ------------------------------------------------------------------------------------------------------


def test_every_reply_tells_the_usage(stage: Stage) -> None:
    assert stage.send("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert stage.send("GET", "nothing").headers["Sforce-Limit-Info"] == "api-usage=2/100000"
    remaining = stage.get("limits")["DailyApiRequests"]
    assert remaining == {"Max": 100_000, "Remaining": 99_997}


def test_the_daily_limit_refuses_until_the_day_rolls_on(stage: Stage) -> None:
    stage.simulator.use_up(100_000)
    message = stage.refused(403, "REQUEST_LIMIT_EXCEEDED", "GET", "limits")
    assert message.startswith("TotalRequests")
    stage.pass_time(hours=25)
    stage.sign_in()
    assert stage.get("limits")


def test_failures_on_order(stage: Stage) -> None:
    stage.simulator.fail("concurrent", times=2)
    for _ in range(2):
        assert stage.refused(403, "REQUEST_LIMIT_EXCEEDED", "GET", "limits").startswith("ConcurrentRequests")
    stage.simulator.fail("daily")
    stage.refused(403, "REQUEST_LIMIT_EXCEEDED", "GET", "limits")
    stage.simulator.fail("unknown")
    stage.refused(500, "UNKNOWN_EXCEPTION", "GET", "limits")
    stage.simulator.fail("unavailable")
    stage.refused(503, "SERVER_UNAVAILABLE", "GET", "limits")
    assert stage.get("limits")
