from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tools.simulators.certificates import CertificateAuthority
from tools.simulators.clock import SimulatorClock
from tools.simulators.entra import EntraSimulator
from tools.simulators.server import SimulatorServer

RESOURCE = "https://api.partner.microsoft.com"
SCOPE = f"{RESOURCE}/.default"


@dataclass
class Stage:
    entra: EntraSimulator
    server: SimulatorServer
    clock: SimulatorClock
    bundle: str

    def msal_app(self, credential: object = "s3cret") -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            "app-1",
            client_credential=credential,
            authority=f"{self.server.url}/{self.entra.tenant_id}",
            instance_discovery=False,
        )

    def post(self, version: str = "oauth2/v2.0", /, **form: str) -> requests.Response:
        return requests.post(
            f"{self.server.url}/{self.entra.tenant_id}/{version}/token", data=form, verify=self.bundle, timeout=10
        )


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture
def stage(authority: CertificateAuthority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    bundle = str(authority.write_bundle(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    clock = SimulatorClock()
    entra = EntraSimulator(clock)
    entra.register_app("app-1", "s3cret", object_id="11111111-1111-1111-1111-111111111111")
    entra.register_resource(RESOURCE)
    with SimulatorServer("entra", entra, authority) as server:
        yield Stage(entra, server, clock, bundle)


def test_unmodified_msal_redeems_a_refresh_token_and_gets_the_next(stage: Stage) -> None:
    first = stage.entra.issue_refresh_token("app-1", "sales@fabrikam.example")

    answer = stage.msal_app().acquire_token_by_refresh_token(first, [SCOPE])

    claims = stage.entra.verify(answer["access_token"])
    assert claims is not None
    assert (claims.audience, claims.application_id, claims.user) == (RESOURCE, "app-1", "sales@fabrikam.example")
    assert answer["refresh_token"] != first
    assert "access_token" in stage.msal_app().acquire_token_by_refresh_token(answer["refresh_token"], [SCOPE])


def test_unmodified_azure_identity_gets_an_app_only_token(stage: Stage) -> None:
    with ClientSecretCredential(
        stage.entra.tenant_id, "app-1", "s3cret", authority=stage.server.url, disable_instance_discovery=True
    ) as credential:
        token = credential.get_token(SCOPE)

    claims = stage.entra.verify(token.token)
    assert claims is not None
    assert (claims.audience, claims.user) == (RESOURCE, None)
    assert claims.object_id == "11111111-1111-1111-1111-111111111111"


def test_azure_identity_reports_a_wrong_secret(stage: Stage) -> None:
    with (
        ClientSecretCredential(
            stage.entra.tenant_id, "app-1", "wrong", authority=stage.server.url, disable_instance_discovery=True
        ) as credential,
        pytest.raises(ClientAuthenticationError, match="AADSTS7000215"),
    ):
        credential.get_token(SCOPE)


def test_msal_authenticates_with_a_certificate(stage: Stage) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = _self_signed(key)
    stage.entra.register_app("app-1", "unused", certificate_pem=certificate.public_bytes(serialization.Encoding.PEM))
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    good, bad = (
        stage.msal_app(_msal_credential(k, certificate)).acquire_token_for_client([SCOPE]) for k in (key, stranger)
    )

    assert "access_token" in good
    assert bad["error_codes"] == [700027]


@pytest.mark.parametrize(
    ("change", "status", "error", "code"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": "app-9"}, 400, "unauthorized_client", 700016),
        ({"scope": "https://unknown.example/.default"}, 400, "invalid_resource", 500011),
        ({"scope": f"{RESOURCE}/user_impersonation"}, 400, "invalid_scope", 1002012),
        ({"scope": "openid"}, 400, "invalid_scope", 70011),
        ({"scope": f"{SCOPE} https://unknown.example/.default"}, 400, "invalid_request", 28000),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": None}, 400, "invalid_request", 900144),
        ({"grant_type": "refresh_token", "refresh_token": "1.unknown"}, 400, "invalid_grant", 70008),
    ],
)
def test_refusals_of_the_token_endpoint(
    stage: Stage, change: dict[str, str | None], status: int, error: str, code: int
) -> None:
    form: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": "app-1",
        "client_secret": "s3cret",
        "scope": SCOPE,
    }

    response = stage.post(**{k: v for k, v in (form | change).items() if v is not None})

    body = response.json()
    assert (response.status_code, body["error"], body["error_codes"]) == (status, error, [code])
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert {"trace_id", "correlation_id", "timestamp"} <= body.keys()


def test_revoked_expired_and_foreign_refresh_tokens_are_refused(stage: Stage) -> None:
    stage.entra.register_app("app-2", "other")
    revoked = stage.entra.issue_refresh_token("app-1", "a@fabrikam.example")
    foreign = stage.entra.issue_refresh_token("app-2", "b@fabrikam.example")
    idle = stage.entra.issue_refresh_token("app-1", "b@fabrikam.example")
    assert stage.entra.revoke_refresh_tokens("a@fabrikam.example") == 1

    assert _codes(stage, revoked) == [50173]
    assert _codes(stage, foreign) == [70000]
    assert "access_token" in _refresh(stage, idle).json()
    stage.clock.advance(dt.timedelta(days=91))
    assert _codes(stage, idle) == [700082]


def test_single_use_kills_the_rotated_token(stage: Stage) -> None:
    stage.entra.single_use = True
    first = stage.entra.issue_refresh_token("app-1", "a@fabrikam.example")

    second = _refresh(stage, first).json()["refresh_token"]

    assert _codes(stage, first) == [50173]
    assert _refresh(stage, second).status_code == 200


def test_v1_endpoint_takes_a_resource_and_answers_numbers_as_strings(stage: Stage) -> None:
    token = stage.entra.issue_refresh_token("app-1", "a@fabrikam.example")

    body = stage.post(
        "oauth2",
        grant_type="refresh_token",
        client_id="app-1",
        client_secret="s3cret",
        refresh_token=token,
        resource=RESOURCE,
    ).json()

    assert body["resource"] == RESOURCE
    assert body["expires_in"] == "3599"
    assert int(body["expires_on"]) - int(body["not_before"]) == 3599
    assert isinstance(body["expires_on"], str)


def test_access_tokens_expire_by_the_simulated_clock_and_cannot_be_forged(stage: Stage) -> None:
    token = stage.entra.issue_access_token("app-1", RESOURCE)
    assert stage.entra.verify(token) is not None

    head, payload, signature = token.split(".")
    assert stage.entra.verify(f"{head}.{payload}.{signature[::-1]}") is None
    assert EntraSimulator(stage.clock, tenant_id=str(uuid.uuid4())).verify(token) is None
    stage.clock.advance(stage.entra.token_lifetime)
    assert stage.entra.verify(token) is None


def test_unknown_tenant_is_refused(stage: Stage) -> None:
    response = requests.get(
        f"{stage.server.url}/00000000-0000-0000-0000-000000000000/v2.0/.well-known/openid-configuration",
        verify=stage.bundle,
        timeout=10,
    )

    assert response.status_code == 400
    assert response.json()["error_codes"] == [90002]


def _refresh(stage: Stage, token: str) -> requests.Response:
    return stage.post(
        grant_type="refresh_token", client_id="app-1", client_secret="s3cret", refresh_token=token, scope=SCOPE
    )


def _codes(stage: Stage, token: str) -> list[int]:
    response = _refresh(stage, token)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    codes: list[int] = response.json()["error_codes"]
    return codes


def _self_signed(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "app-1")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def _msal_credential(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> dict[str, str]:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex()  # noqa: S303 -- the name Entra gives a certificate
    return {"private_key": pem, "thumbprint": thumbprint}
