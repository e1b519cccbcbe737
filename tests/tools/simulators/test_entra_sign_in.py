"""The simulated sign-in refuses what Entra ID refuses, and says so to whom Entra ID says it."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests

from tests.support.sign_in import press
from tools.simulators.vendors import CLIENT_ID, CLIENT_SECRET, SYNC_USER, Vendors

SCOPE = "https://api.partner.microsoft.com/.default"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REDIRECT = "http://localhost:49512/"


class Browser:
    def __init__(self, vendors: Vendors) -> None:
        self.vendors = vendors
        self.session = requests.Session()
        self.base = f"{vendors.servers['entra'].url}/{vendors.entra.tenant_id}"

    def authorize(self, **changes: str | None) -> requests.Response:
        asked = {
            "client_id": CLIENT_ID,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": f"{SCOPE} openid offline_access",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        query = {name: value for name, value in asked.items() if value is not None}
        return self.session.get(f"{self.base}/oauth2/v2.0/authorize", params=query, timeout=10, allow_redirects=False)

    def returned(self, **changes: str | None) -> dict[str, str]:
        """Sign in; what the app is sent."""
        answer = press(self.session, self.authorize(**changes), "Sign in", login=SYNC_USER)
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}

    def redeem(self, code: str, **changes: str) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            "scope": SCOPE,
            **changes,
        }
        return self.session.post(f"{self.base}/oauth2/v2.0/token", data=form, timeout=10)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    with Vendors() as vendors:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
        yield Browser(vendors)


def test_a_sign_in_yields_tokens_for_the_one_who_asked(browser: Browser) -> None:
    told = browser.returned()
    assert told["state"] == "the-state"
    answer = browser.redeem(told["code"]).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["nonce"], claims["tid"]) == (CLIENT_ID, "the-nonce", browser.vendors.entra.tenant_id)
    assert claims["iss"] == f"{browser.base}/v2.0"
    assert claims["preferred_username"] == SYNC_USER
    assert "amr" not in claims
    assert "mfa" in jwt.decode(answer["access_token"], options={"verify_signature": False})["amr"]
    assert answer["refresh_token"]


def test_without_offline_access_there_is_no_refresh_token(browser: Browser) -> None:
    assert "refresh_token" not in browser.redeem(browser.returned(scope=f"{SCOPE} openid")["code"]).json()


def test_without_openid_there_is_no_id_token(browser: Browser) -> None:
    assert "id_token" not in browser.redeem(browser.returned(scope=f"{SCOPE} offline_access")["code"]).json()


@pytest.mark.parametrize(
    ("redirect", "accepted"),
    [
        ("http://localhost:1/", True),
        ("http://localhost", True),
        ("http://localhost:8080/other", False),
        ("https://localhost:1/", False),
        ("http://127.0.0.1:49512/", False),
        ("http://localhost.evil.example/", False),
        ("http://localhost:1/?more=1", False),
        (None, False),
    ],
)
def test_the_redirect_uri_is_the_registered_one_but_for_the_port_of_localhost(
    browser: Browser, redirect: str | None, accepted: bool
) -> None:
    answer = browser.authorize(redirect_uri=redirect)
    assert answer.status_code == (200 if accepted else 400)
    assert accepted or ("AADSTS50011" in answer.text or "AADSTS900971" in answer.text)


def test_an_unknown_app_is_shown_and_told_to_nobody(browser: Browser) -> None:
    answer = browser.authorize(client_id="nobody")
    assert "AADSTS700016" in answer.text
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    ("change", "error", "number"),
    [
        ({"response_type": None}, "invalid_request", "900144"),
        ({"response_type": "id_token"}, "unsupported_response_type", "700054"),
        ({"prompt": "none"}, "login_required", "50058"),
        ({"code_challenge": "short"}, "invalid_request", "501491"),
        ({"code_challenge_method": "S512"}, "invalid_request", "501491"),
        ({"scope": "https://other.example/.default openid"}, "invalid_resource", "500011"),
        ({"scope": f"{SCOPE} https://api.partnercenter.microsoft.com/.default"}, "invalid_request", "28000"),
    ],
)
def test_other_mistakes_are_told_to_the_app(
    browser: Browser, change: dict[str, str | None], error: str, number: str
) -> None:
    told = parse_qs(urlsplit(browser.authorize(**change).headers["Location"]).query)
    assert told["error"] == [error]
    assert told["error_description"][0].startswith(f"AADSTS{number}:")
    assert told["state"] == ["the-state"]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"code_verifier": "w" * 43}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"redirect_uri": "http://localhost:1/"}, 500112),
        ({"client_secret": "wrong"}, 7000215),
        ({"scope": "https://api.partnercenter.microsoft.com/.default"}, 70000),
        ({"code": "made-up"}, 70000),
    ],
)
def test_a_code_is_only_good_for_the_one_who_asked(browser: Browser, change: dict[str, str], number: int) -> None:
    code = browser.returned()["code"]
    assert browser.redeem(**{"code": code, **change}).json()["error_codes"] == [number]
    assert "access_token" in browser.redeem(code).json()


def test_a_code_is_good_once_and_for_ten_minutes(browser: Browser) -> None:
    code = browser.returned()["code"]
    browser.redeem(code)
    assert browser.redeem(code).json()["error_codes"] == [54005]
    late = browser.returned()["code"]
    browser.vendors.clock.advance(dt.timedelta(minutes=10, seconds=1))
    assert browser.redeem(late).json()["error_codes"] == [70008]


def test_who_is_not_there_stays_on_the_page(browser: Browser) -> None:
    answer = press(browser.session, browser.authorize(), "Sign in", login="nobody@fabrikam.example")
    assert "AADSTS50034" in answer.text
    browser.vendors.entra.add_user(SYNC_USER, enabled=False)
    assert "AADSTS50057" in press(browser.session, answer, "Sign in", login=SYNC_USER).text


def test_without_consent_an_administrator_is_needed(browser: Browser) -> None:
    browser.vendors.entra.withdraw_consent(CLIENT_ID, "https://api.partner.microsoft.com")
    page = press(browser.session, browser.authorize(), "Sign in", login=SYNC_USER)
    assert "AADSTS90094" in page.text
    back = press(browser.session, page, "Return").headers["Location"]
    assert "error=access_denied" in back
    assert "AADSTS65004" in back


def test_a_refresh_token_does_not_reach_an_api_without_consent(browser: Browser) -> None:
    token = browser.redeem(browser.returned()["code"]).json()["refresh_token"]
    browser.vendors.entra.withdraw_consent(CLIENT_ID, "https://api.partnercenter.microsoft.com")
    form = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": token,
        "scope": "https://api.partnercenter.microsoft.com/.default",
    }
    answer = browser.session.post(f"{browser.base}/oauth2/v2.0/token", data=form, timeout=10).json()
    assert (answer["error"], answer["error_codes"], answer["suberror"]) == (
        "invalid_grant",
        [65001],
        "consent_required",
    )


def test_a_call_without_mfa_is_refused_by_partner_center(browser: Browser) -> None:
    token = browser.vendors.entra.issue_access_token(
        CLIENT_ID, "https://api.partner.microsoft.com", user=SYNC_USER, amr=("pwd",)
    )
    url = f"{browser.vendors.settings()['PARTNER_CENTER_API_URL']}/referrals"
    answer = browser.session.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == 401
    assert "900421" in answer.text
