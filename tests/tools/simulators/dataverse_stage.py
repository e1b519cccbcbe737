"""A Dataverse simulator behind werkzeug's test client, and a verifier that believes what the token says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import Client, TestResponse

from tools.simulators.claims import Claims
from tools.simulators.clock import SimulatorClock
from tools.simulators.dataverse import DataverseSimulator, Quirks

RESOURCE = "https://org.crm.dynamics.com"
APP = "aaaaaaaa-0000-4000-8000-000000000001"
ROOT = "/api/data/v9.2/"
ABSENT = "00000000-0000-4000-8000-00000000dead"
REPRESENTATION = {"Prefer": "return=representation"}
TRACK = {"Prefer": "odata.track-changes"}


class TrustingVerifier:
    """Tokens of the form `app|audience` or `app|audience|user` are valid; everything else is forged."""

    def verify(self, token: str) -> Claims | None:
        parts = token.split("|")
        if len(parts) not in {2, 3}:
            return None
        return Claims(parts[1], parts[0], f"object-{parts[0]}", parts[2] if len(parts) == 3 else None)


@dataclass
class Stage:
    quirks: Quirks = field(default_factory=Quirks)
    cosell_columns: bool = True
    clock: SimulatorClock = field(default_factory=SimulatorClock)

    def __post_init__(self) -> None:
        self.simulator = DataverseSimulator(
            TrustingVerifier(),
            self.clock,
            resource=RESOURCE,
            quirks=self.quirks,
            cosell_columns=self.cosell_columns,
        )
        self.user_id = self.simulator.add_application_user(APP)
        self.client = Client(self.simulator, use_cookies=False)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        *,
        token: str = f"{APP}|{RESOURCE}",
    ) -> TestResponse:
        """Send a request; `path` is relative to the service root, or an absolute address that was handed back."""
        given = {"Accept": "application/json", "Authorization": f"Bearer {token}"} | (headers or {})
        address = path if "://" in path else f"{RESOURCE}{ROOT}{path}"
        data = None if body is None else json.dumps(body)
        content_type = None if body is None else "application/json; charset=utf-8"
        relative = address.removeprefix(RESOURCE)
        return self.client.open(
            relative, base_url=RESOURCE, method=method, data=data, content_type=content_type, headers=given
        )

    def get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON of a successful read."""
        response = self.send("GET", path, headers=headers)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = json.loads(response.data)
        return document

    def refused(
        self,
        status: int,
        code: str,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> str:
        """Assert that a request is refused with this status and platform code; returns the message."""
        response = self.send(method, path, body, headers)
        assert response.status_code == status, response.text
        error = json.loads(response.data)["error"]
        assert error["code"] == code, error
        return str(error["message"])

    def create(self, set_name: str = "opportunities", /, **columns: object) -> str:
        """Create a row by the API and return its id."""
        body: dict[str, object] = {"name": "A deal"} if set_name == "opportunities" else {}
        response = self.send("POST", set_name, body | columns)
        assert response.status_code == 204, response.text
        return response.headers["OData-EntityId"].rpartition("(")[2].rstrip(")")
