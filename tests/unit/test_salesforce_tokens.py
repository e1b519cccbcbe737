"""Sign-in to Salesforce: what is sent, who renews, and what a refusal means."""

from __future__ import annotations

import threading
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.crm.salesforce.tokens import ASSERTION, Identity, SalesforceTokens, client_credentials, jwt_bearer
from shared.errors import CosellError, ServiceUnavailable, SettingsError, Throttled
from shared.http import Response
from tests.support.stand_ins import START, ManualClock, ScriptedTransport, answer

URL = "https://org.my.salesforce.com"
SECRET = client_credentials("3MVG9", "CANARY-secret")


def granted(number: int, **more: object) -> Response:
    return answer(200, {"access_token": f"CANARY-token-{number}", "instance_url": URL, **more})


def test_the_form_goes_to_the_my_domain() -> None:
    transport = ScriptedTransport(granted(1))
    tokens = SalesforceTokens(transport, ManualClock(), URL, SECRET)
    assert (tokens(False), tokens(False)) == ("CANARY-token-1", "CANARY-token-1")
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", f"{URL}/services/oauth2/token")
    form = {name: values[0] for name, values in parse_qs((request.body or b"").decode()).items()}
    assert form == {"grant_type": "client_credentials", "client_id": "3MVG9", "client_secret": "CANARY-secret"}


def test_who_a_token_is_for_is_told_with_it() -> None:
    identity = "https://login.salesforce.com/id/00D5e000000AbCdEAK/0055e000000UsErAAK"
    tokens = SalesforceTokens(ScriptedTransport(granted(1, id=identity), granted(2)), ManualClock(), URL, SECRET)
    seen = [tokens.identity]
    for renew in (False, True):
        tokens(renew)
        seen.append(tokens.identity)
    assert seen == [None, Identity("00D5e000000AbCdEAK", "0055e000000UsErAAK", "org.my.salesforce.com"), None]


def test_an_assertion_is_for_the_my_domain_and_three_minutes() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    grant = jwt_bearer("3MVG9", "robot@partner.example", key.private_bytes(*kinds).decode(), URL, ManualClock())
    form = dict(grant())
    assertion = form.pop("assertion")
    assert form == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    unchecked = {"verify_exp": False, "verify_aud": False}
    claims = jwt.decode(assertion, key.public_key(), algorithms=["RS256"], options=unchecked)  # type: ignore[arg-type]
    expiry = int((START + ASSERTION).timestamp())
    assert claims == {"iss": "3MVG9", "sub": "robot@partner.example", "aud": URL, "exp": expiry}


@pytest.mark.parametrize("key", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none_names_the_setting(key: str) -> None:
    with pytest.raises(SettingsError, match="SALESFORCE_PRIVATE_KEY"):
        jwt_bearer("3MVG9", "robot@partner.example", key, URL, ManualClock())()


def test_threads_that_were_refused_at_once_renew_once() -> None:
    transport = ScriptedTransport(granted(1), granted(2))
    tokens = SalesforceTokens(transport, ManualClock(), URL, SECRET)
    started, renewed = threading.Barrier(4), list[str]()

    def work() -> None:
        tokens(False)
        started.wait()
        renewed.append(tokens(True))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert renewed == ["CANARY-token-2"] * 4
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("status", "content", "family"),
    [
        (400, {"error": "invalid_client", "error_description": "invalid client credentials"}, SettingsError),
        (400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}, SettingsError),
        (401, {"error": "invalid_client_id", "error_description": "client identifier invalid"}, SettingsError),
        (404, None, SettingsError),
        (400, {"error": "unknown_error", "error_description": "retry your request"}, ServiceUnavailable),
        (400, {"error": "login_rate_exceeded"}, Throttled),
        (429, None, Throttled),
        (503, None, ServiceUnavailable),
        (302, None, ServiceUnavailable),
        (200, {"token_type": "Bearer"}, ServiceUnavailable),
        (200, None, ServiceUnavailable),
    ],
)
def test_refusals(status: int, content: object, family: type[CosellError]) -> None:
    tokens = SalesforceTokens(ScriptedTransport(answer(status, content)), ManualClock(), URL, SECRET)
    with pytest.raises(family) as caught:
        tokens(False)
    assert "CANARY" not in f"{caught.value!r}"


def test_a_host_that_is_not_the_configured_one_is_told(caplog: pytest.LogCaptureFixture) -> None:
    other = granted(1, instance_url="https://org.lightning.force.com")
    assert SalesforceTokens(ScriptedTransport(other), ManualClock(), URL, SECRET)(False)
    assert "org.lightning.force.com" in caplog.text
    assert "CANARY" not in caplog.text
