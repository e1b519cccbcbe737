"""The refresh token in Key Vault: who may read and write it, which one counts, and how many versions pile up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from shared.errors import AccessDenied, ServiceUnavailable, SettingsError
from shared.http import RequestsTransport, Service, Terms
from shared.partner_center import key_vault
from shared.partner_center.key_vault import SECRET, KeyVaultTokenStore
from shared.partner_center.token_store import First, SignedIn
from shared.partner_center.tokens import PartnerCenterTokens
from tests.support.stages.admin import WorldTime
from tools.simulators.key_vault import RESOURCE, KeyVaultSimulator, Role
from tools.simulators.server import Fault
from tools.simulators.vendors import CLIENT_ID, Vendors

APP = "11111111-2222-3333-4444-555555555555"


@dataclass
class Stage:
    vendors: Vendors
    vault: KeyVaultSimulator
    url: str

    def __post_init__(self) -> None:
        self.clock = WorldTime(self.vendors.clock)
        self.swaps: list[str] = []

    def store(self, first: str = "") -> KeyVaultTokenStore:
        def authorize(fresh: bool) -> str:  # noqa: ARG001 - the shape Service asks for
            return self.vendors.entra.issue_access_token("the-app", RESOURCE)

        terms = Terms("Key Vault", authorize, key_vault.classifier(self.clock))
        service = Service(terms, RequestsTransport(), self.clock)
        return KeyVaultTokenStore(service, self.url, First(first), self.clock)

    def tokens(self, first: str = "") -> PartnerCenterTokens:
        def redeem(refresh_token: str, scope: str) -> dict[str, object]:  # noqa: ARG001 - the shape of Redeem
            self.swaps.append(refresh_token)
            old, following = self.vendors.entra._directory.redeem(CLIENT_ID, refresh_token)
            return {"access_token": old.user, "expires_in": 3599, "refresh_token": following}

        return PartnerCenterTokens(redeem, self.store(first), self.clock)

    def minted(self, user: str) -> str:
        return self.vendors.entra.issue_refresh_token(CLIENT_ID, user)

    def sign_in(self, user: str) -> str:
        token = self.minted(user)
        self.store().sign_in(token, SignedIn(user, self.clock.now()))
        return token

    @property
    def versions(self) -> int:
        return len(self.vault.secrets.get(SECRET, []))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with Vendors() as vendors:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", vendors.settings()["REQUESTS_CA_BUNDLE"])
        vendors.entra.register_app("the-app", "secret", object_id=APP)
        vault = KeyVaultSimulator(vendors.entra, vendors.clock, vendors.entra.tenant_id)
        vault.grant(APP, Role.OFFICER)
        yield Stage(vendors, vault, vendors.add("vault", vault).url)


def test_an_empty_vault_holds_nobodys_token(stage: Stage) -> None:
    assert stage.store().load().token == ""
    assert stage.store("setting").load().token == "setting"


def test_a_sign_in_is_used_without_a_restart_and_beats_the_setting(stage: Stage) -> None:
    tokens = stage.tokens(stage.minted("first@partner.example"))
    assert tokens.get("scope") == "first@partner.example"
    stage.sign_in("second@partner.example")
    assert tokens.get("scope", fresh=True) == "second@partner.example"


def test_who_signed_in_is_known_however_often_the_token_rotates(stage: Stage) -> None:
    stage.sign_in("ada@partner.example")
    at = stage.clock.now()
    tokens = stage.tokens()
    for _ in range(3):
        tokens.get("scope", fresh=True)
        stage.vendors.clock.advance(timedelta(days=2))
    kept = stage.store().load()
    assert kept.signed_in == SignedIn("ada@partner.example", at.replace(microsecond=0))
    assert kept.ends is not None
    assert (kept.ends - at).days == 4 + 90


def test_a_setting_that_is_changed_after_the_sign_in_beats_it(stage: Stage) -> None:
    stage.sign_in("ada@partner.example")
    stage.tokens("setting").get("scope")
    assert stage.store("setting").load().token not in ("setting", "")
    assert stage.store("another").load().token == "another"


def test_hourly_swaps_by_two_scopes_leave_a_version_a_day(stage: Stage) -> None:
    stage.sign_in("ada@partner.example")
    tokens, days = stage.tokens(), 10
    for _ in range(24 * days):
        tokens.get("referrals")
        tokens.get("webhooks")
        stage.vendors.clock.advance(timedelta(hours=1))
    assert len(stage.swaps) == 2 * 24 * days
    assert stage.versions == 1 + days


def test_a_sign_in_between_load_and_save_is_not_overwritten(stage: Stage) -> None:
    stage.sign_in("ada@partner.example")
    store = stage.store()
    kept = store.load()
    newer = stage.sign_in("bob@partner.example")
    store.save("a successor of ada's", kept)
    assert store.load().token == newer


def test_a_reader_may_not_store(stage: Stage) -> None:
    stage.vault.grant(APP, Role.USER)
    stage.store().load()
    with pytest.raises(AccessDenied, match="Key Vault Secrets Officer"):
        stage.sign_in("ada@partner.example")
    stage.vault.roles.clear()
    with pytest.raises(AccessDenied):
        stage.store().load()


@pytest.mark.parametrize(("status", "family"), [(400, SettingsError), (503, ServiceUnavailable)])
def test_other_refusals_have_their_family(stage: Stage, status: int, family: type[Exception]) -> None:
    stage.vendors.servers["vault"].faults.inject(Fault("status", status=status, times=None))
    with pytest.raises(family):
        stage.store().load()
