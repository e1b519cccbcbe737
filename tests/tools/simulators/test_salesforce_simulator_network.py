"""The simulated Salesforce over TLS in a world, asked by the unmodified simple-salesforce library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from tests.tools.simulators.salesforce_stage import DEAL, KEY, VERSION
from tools.simulators.salesforce import Quirks, SalesforceSimulator
from tools.simulators.server import Fault, SimulatorServer
from tools.simulators.vendors import SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET, Vendors


class LocalAdapter(HTTPAdapter):
    """Sends what is meant for a My Domain to the simulator; the library has no setting for another host."""

    def __init__(self, url: str) -> None:
        self._url = url
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        assert request.url is not None
        _, _, path = request.url.removeprefix("https://").partition("/")
        request.url = f"{self._url}/{path}"
        return super().send(request, *args, **options)


@dataclass
class Landscape:
    vendors: Vendors
    salesforce: SalesforceSimulator
    server: SimulatorServer
    session: requests.Session

    def token(self) -> str:
        form = {"grant_type": "client_credentials", "client_id": SALESFORCE_CLIENT_ID}
        form |= {"client_secret": SALESFORCE_CLIENT_SECRET}
        answer = self.session.post(f"{self.server.url}/services/oauth2/token", data=form, timeout=10).json()
        assert answer["instance_url"] == self.server.url
        return str(answer["access_token"])

    def client(self) -> Any:
        """Return a client that was handed a session; it cannot sign in again. Its attributes are made at run time."""
        return Salesforce(instance_url=self.server.url, session_id=self.token(), version=VERSION, session=self.session)


@pytest.fixture
def landscape() -> Iterator[Landscape]:
    with Vendors() as vendors:
        salesforce = SalesforceSimulator(vendors.clock, quirks=Quirks())
        server = vendors.add("salesforce", salesforce)
        salesforce.add_connected_app(SALESFORCE_CLIENT_ID, SALESFORCE_CLIENT_SECRET)
        for (method, path), handler in salesforce.routes().items():
            vendors.control.add(method, path, handler)
        with requests.Session() as session:
            session.trust_env = False  # a CA bundle in the environment would win over `verify`
            session.verify = vendors.settings()["REQUESTS_CA_BUNDLE"]
            yield Landscape(vendors, salesforce, server, session)


@pytest.fixture
def client(landscape: Landscape) -> Any:
    return landscape.client()


def test_the_library_creates_reads_updates_and_deletes(landscape: Landscape, client: Any) -> None:
    deal = client.Opportunity.create(DEAL)["id"]
    assert client.Opportunity.get(deal)["Name"] == "A deal"
    assert client.Opportunity.update(deal, {"Name": "B"}) == 204
    assert landscape.salesforce.row("Opportunity", deal)["Name"] == "B"
    assert client.Opportunity.delete(deal) == 204
    with pytest.raises(SalesforceResourceNotFound):
        client.Opportunity.get(deal)


def test_the_library_queries_to_the_end(landscape: Landscape, client: Any) -> None:
    landscape.salesforce.quirks.batch_size = 2
    names = [f"Deal {number}" for number in range(5)]
    for name in names:
        landscape.salesforce.seller.create_opportunity(Name=name)
    soql = "SELECT Id, Name FROM Opportunity ORDER BY Name"
    assert [row["Name"] for row in client.query_all_iter(soql)] == names
    assert client.query(soql)["done"] is False
    assert client.query_all(soql, include_deleted=True)["totalSize"] == 5
    with pytest.raises(SalesforceMalformedRequest):
        client.query("SELECT Nothing FROM Opportunity")


def test_the_library_upserts_by_external_id(landscape: Landscape, client: Any) -> None:
    assert client.Opportunity.upsert(f"{KEY}/R-1", DEAL) == 201
    assert client.Opportunity.upsert(f"{KEY}/R-1", {"Name": "B"}) == 200
    assert client.Opportunity.get_by_custom_id(KEY, "R-1")["Name"] == "B"
    assert client.Opportunity.upsert(f"{KEY}/a%2Fb", DEAL) == 201
    assert {row[KEY] for row in landscape.salesforce.rows("Opportunity")} == {"R-1", "a/b"}
    landscape.salesforce.org.seed("Opportunity", Name="Twin", **{KEY: "R-1"})
    with pytest.raises(SalesforceMoreThanOneRecord):
        client.Opportunity.upsert(f"{KEY}/R-1", {"Name": "C"})


def test_the_library_reads_the_feeds(landscape: Landscape, client: Any) -> None:
    kept, gone = (client.Opportunity.create(DEAL)["id"] for _ in range(2))
    landscape.salesforce.seller.delete(gone)
    now = landscape.vendors.clock.now()
    window = now - timedelta(minutes=5), now + timedelta(minutes=2)
    assert client.Opportunity.updated(*window)["ids"] == [kept]
    assert [row["id"] for row in client.Opportunity.deleted(*window)["deletedRecords"]] == [gone]


def test_the_library_describes_limits_and_composes(client: Any) -> None:
    assert KEY in {field["name"] for field in client.Opportunity.describe()["fields"]}
    assert client.describe()["sobjects"]
    assert client.limits()["DailyApiRequests"]["Max"] == 100_000
    assert client.api_usage["api-usage"].total == 100_000
    url = f"/services/data/v{VERSION}/sobjects/Opportunity"
    body = {"compositeRequest": [{"method": "POST", "url": url, "referenceId": "a", "body": DEAL}]}
    answer = client.restful("composite", method="POST", json=body)
    assert answer["compositeResponse"][0]["httpStatusCode"] == 201
    metadata = {"type": "Url", "label": "X"}
    with pytest.raises(Exception, match="INSUFFICIENT_ACCESS"):
        client.toolingexecute("sobjects/CustomField", "POST", {"FullName": "Opportunity.X__c", "Metadata": metadata})


def test_the_library_is_told_that_its_session_is_over(landscape: Landscape, client: Any) -> None:
    landscape.salesforce.expire_sessions()
    with pytest.raises(SalesforceExpiredSession):
        client.query("SELECT Id FROM User")


def local_client(landscape: Landscape, **credentials: Any) -> Any:
    landscape.session.mount("https://partner.my.salesforce.com", LocalAdapter(landscape.server.url))
    return Salesforce(domain="partner.my", session=landscape.session, version=VERSION, **credentials)


def test_the_library_signs_in_with_client_credentials(landscape: Landscape) -> None:
    client = local_client(landscape, consumer_key=SALESFORCE_CLIENT_ID, consumer_secret=SALESFORCE_CLIENT_SECRET)
    assert client.query("SELECT COUNT() FROM User")["totalSize"] == 3
    landscape.salesforce.expire_sessions()
    assert client.query("SELECT COUNT() FROM User")["totalSize"] == 3
    with pytest.raises(SalesforceAuthenticationFailed):
        local_client(landscape, consumer_key=SALESFORCE_CLIENT_ID, consumer_secret="wrong")


def test_the_library_cannot_sign_in_by_soap(landscape: Landscape) -> None:
    with pytest.raises(SalesforceAuthenticationFailed, match="not available in API version 66"):
        local_client(landscape, username="a@b.example", password="x", security_token="y")


# --- the server and the control API ------------------------------------------------------------------------------


def test_faults_and_the_request_log(landscape: Landscape, client: Any) -> None:
    landscape.server.faults.inject(Fault("reset_after", method="POST", path="/sobjects/Opportunity"))
    with pytest.raises(requests.ConnectionError):
        client.Opportunity.create(DEAL)
    assert len(landscape.salesforce.rows("Opportunity")) == 1
    landscape.server.faults.inject(Fault("status", status=503, body="<html>down</html>"))
    with pytest.raises(Exception, match="down"):
        client.query("SELECT Id FROM User")
    assert landscape.server.log.count("POST", "/sobjects/Opportunity") == 1
    assert landscape.server.log.count("GET", "/query") == 1


def test_a_person_acts_through_the_control_api(landscape: Landscape) -> None:
    base = f"{landscape.vendors.servers['control'].url}/crm/opportunities"
    session = landscape.session
    deal = session.post(base, json={"Name": "A", "Amount": 5.5, "CloseDate": "2027-01-31"}, timeout=10).json()["id"]
    assert session.patch(f"{base}/{deal}", json={"NextStep": "call"}, timeout=10).json()["NextStep"] == "call"
    assert session.get(base, timeout=10).json()[0]["Amount"] == 5.5
    assert session.post(f"{base}/{deal}/win", timeout=10).status_code == 200
    assert session.get(f"{base}/{deal}", timeout=10).json()["IsWon"] is True
    session.post(f"{base}/{deal}/lose", timeout=10)
    assert session.get(f"{base}/{deal}", timeout=10).json()["StageName"] == "Closed Lost"
    session.delete(f"{base}/{deal}", timeout=10)
    assert session.get(base, timeout=10).json() == []
    session.post(f"{base}/{deal}/undelete", timeout=10)
    assert len(session.get(base, timeout=10).json()) == 1
    assert session.post(f"{base}/nothing/win", timeout=10).status_code == 404
    assert session.patch(f"{base}/{deal}", json={"StageName": "Dreaming"}, timeout=10).status_code == 400
