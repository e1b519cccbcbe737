"""A Salesforce simulator behind werkzeug's test client, and a session of its integration user."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from werkzeug.test import Client, TestResponse

from tools.simulators.clock import SimulatorClock
from tools.simulators.salesforce import Quirks, SalesforceSimulator

MY_DOMAIN = "https://partner.my.salesforce.com"
APP, SECRET = "3MVG9.simulated", "s3cret"
VERSION = "66.0"
DEAL: dict[str, object] = {"Name": "A deal", "StageName": "Prospecting", "CloseDate": "2027-06-30"}
ABSENT = "0065e0000ZZZZZZ"
KEY = "Referral_Identifier__c"


@dataclass
class Stage:
    quirks: Quirks = field(default_factory=Quirks)
    cosell_columns: bool = True
    multi_currency: bool = False
    customizer: bool = False
    clock: SimulatorClock = field(default_factory=SimulatorClock)

    def __post_init__(self) -> None:
        self.simulator = SalesforceSimulator(
            self.clock, quirks=self.quirks, cosell_columns=self.cosell_columns, multi_currency=self.multi_currency
        )
        self.user_id = self.simulator.add_connected_app(APP, SECRET, customizer=self.customizer)
        self.client = Client(self.simulator, use_cookies=False)
        self.seller = self.simulator.seller
        self.sign_in()

    def sign_in(self) -> None:
        self.token = self.sign(grant_type="client_credentials", client_id=APP, client_secret=SECRET)["access_token"]

    def sign(self, status: int = 200, headers: dict[str, str] | None = None, /, **form: str) -> dict[str, Any]:
        """Ask the token endpoint."""
        response = self.client.post("/services/oauth2/token", base_url=MY_DOMAIN, data=form, headers=headers)
        assert response.status_code == status, response.text
        document: dict[str, Any] = json.loads(response.data)
        return document

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        *,
        version: str = VERSION,
        data: bytes | None = None,
    ) -> TestResponse:
        """Send a call; `path` is relative to the version's root, or a path from the host's root."""
        given = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"} | (headers or {})
        content = json.dumps(body).encode() if body is not None else data
        if content is not None:
            given.setdefault("Content-Type", "application/json")
        target = path if path.startswith("/") else f"/services/data/v{version}/{path}"
        return self.client.open(target, base_url=MY_DOMAIN, method=method, data=content, headers=given)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Any:
        """Return the JSON of a successful read."""
        response = self.send("GET", path, headers=headers)
        assert response.status_code == 200, response.text
        return json.loads(response.data)

    def query(self, soql: str, headers: dict[str, str] | None = None, *, deleted: bool = False) -> dict[str, Any]:
        """Return the first page of a query."""
        page: dict[str, Any] = self.get(f"{'queryAll' if deleted else 'query'}?{urlencode({'q': soql})}", headers)
        return page

    def records(self, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """Return the records of a query's first page."""
        records: list[dict[str, Any]] = self.query(soql, deleted=deleted)["records"]
        return records

    def refused_query(self, code: str, soql: str) -> str:
        """Assert that a query is refused with this code; returns the message."""
        return self.refused(400, code, "GET", f"query?{urlencode({'q': soql})}")

    def refused(
        self,
        status: int,
        code: str,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
        *,
        version: str = VERSION,
    ) -> str:
        """Assert that a call is refused with this status and code, as a one-element array; returns the message."""
        response = self.send(method, path, body, headers, version=version)
        assert response.status_code == status, response.text
        (error,) = json.loads(response.data)
        assert error["errorCode"] == code, error
        return str(error["message"])

    def create(self, sobject: str = "Opportunity", /, **columns: object) -> str:
        """Create a record by the API and return its id."""
        body = DEAL | columns if sobject == "Opportunity" else columns
        response = self.send("POST", f"sobjects/{sobject}", body)
        assert response.status_code == 201, response.text
        return str(json.loads(response.data)["id"])

    def upsert(self, value: str, headers: dict[str, str] | None = None, /, **columns: object) -> TestResponse:
        """Upsert an opportunity by its Referral Identifier."""
        path = f"sobjects/Opportunity/{KEY}/{quote(value, safe='')}"
        return self.send("PATCH", path, DEAL | columns, headers)

    def composite(self, *calls: dict[str, object], all_or_none: bool = False) -> list[dict[str, Any]]:
        """Return the answers of a composite request; urls are relative to the version's root."""
        root = f"/services/data/v{VERSION}/"
        requests = [call | {"url": f"{root}{call['url']}"} for call in calls]
        response = self.send("POST", "composite", {"allOrNone": all_or_none, "compositeRequest": requests})
        assert response.status_code == 200, response.text
        answers: list[dict[str, Any]] = json.loads(response.data)["compositeResponse"]
        return answers

    def pass_time(self, **duration: float) -> None:
        self.clock.advance(timedelta(**duration))
