"""The simulated Dataverse over TLS, asked by unmodified clients with tokens of the simulated Entra ID."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from azure.identity import ClientSecretCredential

from tools.simulators.certificates import CertificateAuthority
from tools.simulators.clock import SimulatorClock
from tools.simulators.dataverse import DataverseSimulator
from tools.simulators.entra import EntraSimulator
from tools.simulators.server import Fault, SimulatorServer

APP = "aaaaaaaa-0000-4000-8000-000000000001"


@dataclass
class Landscape:
    entra: EntraSimulator
    entra_url: str
    dataverse: DataverseSimulator
    server: SimulatorServer
    bundle: str

    @property
    def api(self) -> str:
        return f"{self.server.url}/api/data/v9.2/"

    def session(self) -> requests.Session:
        credential = ClientSecretCredential(
            self.entra.tenant_id,
            APP,
            "s3cret",
            authority=self.entra_url,
            disable_instance_discovery=True,
            connection_verify=self.bundle,
        )
        with credential:
            token = credential.get_token(f"{self.server.url}/.default").token
        session = requests.Session()
        session.trust_env = False  # a CA bundle in the environment would win over `verify`
        session.verify = self.bundle
        session.headers["Authorization"] = f"Bearer {token}"
        return session


@pytest.fixture
def landscape(tmp_path: Path) -> Iterator[Landscape]:
    clock, authority = SimulatorClock(), CertificateAuthority()
    entra = EntraSimulator(clock)
    entra_server = SimulatorServer("entra", entra, authority).start()
    dataverse = DataverseSimulator(entra, clock)
    server = SimulatorServer("dataverse", dataverse, authority).start()
    dataverse.resource = server.url
    dataverse.add_application_user(APP)
    entra.register_app(APP, "s3cret")
    entra.register_resource(server.url)
    bundle = str(authority.write_bundle(tmp_path / "ca.pem"))
    yield Landscape(entra, entra_server.url, dataverse, server, bundle)
    server.stop()
    entra_server.stop()


def test_azure_identity_and_requests(landscape: Landscape) -> None:
    with landscape.session() as session:
        assert session.get(f"{landscape.api}WhoAmI", timeout=10).json()["UserId"]
        created = session.post(f"{landscape.api}opportunities", json={"name": "A"}, timeout=10)
        assert created.status_code == 204
        address = created.headers["OData-EntityId"]
        assert address.startswith(landscape.api)
        etag = session.get(address, timeout=10).json()["@odata.etag"]
        fresh = {"If-Match": etag}
        assert session.patch(address, json={"name": "B"}, headers=fresh, timeout=10).status_code == 204
        assert session.patch(address, json={"name": "C"}, headers=fresh, timeout=10).status_code == 412
        full = session.get(f"{landscape.api}opportunities", headers={"Prefer": "odata.track-changes"}, timeout=10)
        assert session.get(full.json()["@odata.deltaLink"], timeout=10).json()["value"] == []
    # requests keeps cookies unless it is told not to; the simulator notices.
    assert landscape.dataverse.requests_with_cookies > 0


def test_a_token_for_another_resource_is_refused(landscape: Landscape) -> None:
    token = landscape.entra.issue_access_token(APP, "https://other.crm.dynamics.com")
    headers = {"Authorization": f"Bearer {token}"}
    with landscape.session() as session:
        response = session.get(f"{landscape.api}WhoAmI", headers=headers, timeout=10)
    assert response.status_code == 401


def test_a_connection_dropped_after_the_commit_leaves_the_row(landscape: Landscape) -> None:
    with landscape.session() as session:
        landscape.server.faults.inject(Fault("reset_after"))
        with pytest.raises(requests.ConnectionError):
            session.post(f"{landscape.api}opportunities", json={"name": "A"}, timeout=10)
    assert [row["name"] for row in landscape.dataverse.rows("opportunity")] == ["A"]
