"""What the Partner Center simulator's tests share: a client that sends exactly what a test says."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from tools.simulators.partner_center import referrals_api, webhooks_api
from tools.simulators.partner_center.samples import sample_document
from tools.simulators.vendors import CLIENT_ID, SYNC_USER, Vendors

SHARE = "/consent/consentToShareReferralWithMicrosoftSellers"


@dataclass
class Caller:
    """A plain HTTP client with one token."""

    base: str
    bundle: str
    token: str
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(
        self,
        method: str,
        path: str = "",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        **params: str,
    ) -> requests.Response:
        self.session.trust_env = False
        return self.session.request(
            method,
            f"{self.base}{path}",
            json=body,
            params={f"${name}": value for name, value in params.items()},
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})},
            verify=self.bundle,
            timeout=10,
        )


def referrals_caller(
    vendors: Vendors, *, user: str | None = SYNC_USER, audience: str = referrals_api.AUDIENCE
) -> Caller:
    settings = vendors.settings()
    token = vendors.entra.issue_access_token(CLIENT_ID, audience, user=user)
    return Caller(f"{settings['PARTNER_CENTER_API_URL']}/referrals", settings["REQUESTS_CA_BUNDLE"], token)


def webhooks_caller(vendors: Vendors, *, user: str | None = None, audience: str = webhooks_api.AUDIENCE) -> Caller:
    settings = vendors.settings()
    token = vendors.entra.issue_access_token(CLIENT_ID, audience, user=user)
    return Caller(f"{settings['PARTNER_CENTER_WEBHOOKS_URL']}/registration", settings["REQUESTS_CA_BUNDLE"], token)


def changed(document: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a deep copy with one property set (or, for `...`, removed)."""
    result: dict[str, Any] = copy.deepcopy(dict(document))
    *parents, last = path.split("/")
    holder: Any = result
    for name in parents:
        holder = holder[int(name)] if isinstance(holder, list) else holder[name]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return result


def replace(path: str, value: object) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def create(call: Caller, document: object = None) -> dict[str, Any]:
    response = call("POST", body=document or sample_document())
    assert response.status_code == 200, response.text
    row: dict[str, Any] = response.json()
    return row


def refusal(response: requests.Response) -> tuple[int, str, str | None]:
    error = response.json()["error"]
    return response.status_code, error["code"], error["target"]


def ids(response: requests.Response) -> set[str]:
    assert response.status_code == 200, response.text
    return {row["id"] for row in response.json()["value"]}


def member(first_name: str, email: str) -> dict[str, str]:
    return {"firstName": first_name, "lastName": "Sand", "phoneNumber": "+4600", "email": email}
