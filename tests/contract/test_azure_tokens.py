"""Tokens by azure-identity and msal: a refusal is a setting to correct, and who does not answer is waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ServiceUnavailable, SettingsError
from shared.identity import AzureTokens, ManagedIdentity, Registration
from shared.partner_center.entra import redeemer
from tools.simulators.certificates import CertificateAuthority
from tools.simulators.clock import SimulatorClock
from tools.simulators.entra import EntraSimulator
from tools.simulators.faults import Fault
from tools.simulators.server import SimulatorServer

SCOPE = "https://api.partner.microsoft.com/.default"
NOBODY = "https://127.0.0.1:9"
SECRET = "s3cret"
TENANT = EntraSimulator(SimulatorClock()).tenant_id


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorServer]:
    authority = CertificateAuthority()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.write_bundle(tmp_path / "ca.pem")))
    monkeypatch.setattr(time, "sleep", lambda _: None)  # azure-core tries again after pauses
    entra = EntraSimulator(SimulatorClock())
    entra.register_app("app-1", SECRET, object_id="11111111-1111-1111-1111-111111111111")
    entra.register_resource("https://api.partner.microsoft.com")
    with SimulatorServer("entra", entra, authority) as running:
        yield running


def tokens(authority: str, secret: str = SECRET) -> AzureTokens:
    return AzureTokens(SCOPE, Registration(authority, TENANT, "app-1", secret, remedy="Check the secret."))


def test_a_token_is_issued(server: SimulatorServer) -> None:
    assert tokens(server.url)(False)


def test_a_refusal_is_a_setting_to_correct(server: SimulatorServer) -> None:
    with pytest.raises(SettingsError, match=r"^no token for .*AADSTS7000215.*[^.]\. Check the secret\.$"):
        tokens(server.url, "wrong")(False)


@pytest.mark.parametrize("status", [503, 429])
def test_a_service_that_has_no_time_is_waited_for(server: SimulatorServer, status: int) -> None:
    server.faults.inject(Fault("status", status=status, times=None))
    with pytest.raises(ServiceUnavailable, match="Entra ID does not answer"):
        tokens(server.url)(False)


@pytest.mark.parametrize(("status", "path"), [(503, None), (429, None), (503, "/token$")])
def test_partner_centers_sign_in_waits_for_it_too(server: SimulatorServer, status: int, path: str | None) -> None:
    server.faults.inject(Fault("status", status=status, path=path, times=None))
    redeem = redeemer(server.url, TENANT, "app-1", SECRET)
    with pytest.raises(ServiceUnavailable, match="Entra ID does not answer"):
        redeem("a-refresh-token", SCOPE)


def test_a_network_that_is_down_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(ServiceUnavailable, match=r"Entra ID does not answer \(ServiceRequestError\)"):
        tokens(NOBODY)(False)


def test_an_identity_that_there_is_not_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(SettingsError, match="Switch the function app's identity on"):
        AzureTokens(SCOPE, ManagedIdentity())(False)
