"""Access tokens by the secure application model: rotation, storage, and who must do what when it fails."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from shared.errors import AccessDenied, CosellError, ServiceUnavailable, SettingsError, SignInRequired
from shared.ledger.drawers import text
from shared.ledger.memory import MemoryLedger
from shared.partner_center.token_store import SIGN_IN, First, LedgerTokenStore, SignedIn
from shared.partner_center.tokens import EARLY, REFUSED_FOR, SAVE_AFTER, PartnerCenterTokens
from tests.support.fakes.ledger import FailingLedger
from tests.support.stand_ins import ManualClock

KEY = Fernet.generate_key().decode()
API = "https://api.partner.microsoft.com/.default"
WEBHOOKS = "https://api.partnercenter.microsoft.com/.default"


class Entra:
    """Redeems refresh tokens, each redemption rotating it, and remembers what it was given."""

    def __init__(self, **refusal: object) -> None:
        self.redeemed: list[tuple[str, str]] = []
        self.refusal: Mapping[str, object] = refusal
        self.expires_in: object = "3599"
        self.rotates = True

    def redeem(self, refresh_token: str, scope: str) -> dict[str, object]:
        self.redeemed.append((refresh_token, scope))
        if self.refusal:
            return dict(self.refusal)
        number = len(self.redeemed)
        issued: dict[str, object] = {"access_token": f"access-{number}", "expires_in": self.expires_in}
        return {**issued, "refresh_token": f"CANARY-rotated-{number}"} if self.rotates else issued


class Stage:
    """Tokens over a ledger that outlives the process."""

    def __init__(
        self,
        ledger: MemoryLedger | None = None,
        first: str = "first",
        key: str = KEY,
        signed_in: SignedIn | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.ledger = ledger or MemoryLedger()
        self.entra = Entra()
        self.clock = clock or ManualClock()
        self.store = LedgerTokenStore(self.ledger.drawers, key.split(","), First(first, signed_in), self.clock)
        self.tokens = PartnerCenterTokens(self.entra.redeem, self.store, self.clock)

    def restarted(self, first: str = "first", key: str = KEY) -> Stage:
        return Stage(self.ledger, first, key, clock=self.clock)


# --- rotation --------------------------------------------------------------------------------------------------------


def test_the_first_refresh_token_comes_from_the_settings() -> None:
    stage = Stage()
    assert stage.tokens.get(API) == "access-1"
    assert stage.entra.redeemed == [("first", API)]


def test_a_rotated_token_is_used_by_the_next_process() -> None:
    stage = Stage()
    stage.tokens.get(API)
    later = stage.restarted()
    later.tokens.get(API)
    assert later.entra.redeemed[0][0] == "CANARY-rotated-1"


def test_a_rotated_token_is_stored_before_the_access_token_is_used() -> None:
    ledger = FailingLedger()
    stage = Stage(ledger)
    ledger.values.failures = [ServiceUnavailable("no storage")] * 2
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            stage.tokens.get(API)
    assert len(stage.entra.redeemed) == 2, "a token whose successor was not stored is not held on to"


def test_an_answer_without_a_new_refresh_token_keeps_the_old_one() -> None:
    stage = Stage()
    stage.entra.rotates = False
    stage.tokens.get(API)
    assert stage.restarted().store.load().token == "first"


def test_a_changed_setting_beats_the_stored_token() -> None:
    stage = Stage()
    stage.tokens.get(API)
    changed = stage.restarted(first="second")
    changed.tokens.get(API)
    assert changed.entra.redeemed == [("second", API)]
    assert changed.restarted(first="second").store.load().token == "CANARY-rotated-1"


def test_a_sign_in_that_no_app_has_used_yet_beats_every_setting() -> None:
    assert First("any").beaten_by(SIGN_IN)
    assert First("").beaten_by("whatever is stored")
    assert not First("any").beaten_by("whatever is stored")


def test_an_unchanged_setting_never_beats_the_stored_token() -> None:
    stage = Stage()
    for _ in range(3):
        stage.tokens.get(API, fresh=True)
    assert [token for token, _ in stage.entra.redeemed] == ["first", "CANARY-rotated-1", "CANARY-rotated-2"]


# --- storage ---------------------------------------------------------------------------------------------------------


def test_no_token_lies_readable_in_the_ledger() -> None:
    stage = Stage(first="CANARY-first")
    stage.tokens.get(API)
    kept = stage.ledger.drawers.read(text("token", "partner_center")).value
    assert kept
    assert "CANARY" not in kept
    assert "access" not in kept


def test_a_wrong_key_says_what_to_do_and_shows_nothing() -> None:
    stage = Stage()
    stage.tokens.get(API)
    with pytest.raises(SettingsError, match="TOKEN_ENCRYPTION_KEY") as caught:
        stage.restarted(key=Fernet.generate_key().decode()).tokens.get(API)
    assert "cosell.py sign-in" in str(caught.value)
    assert "CANARY" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_new_setting_heals_a_lost_key() -> None:
    stage = Stage()
    stage.tokens.get(API)
    healed = stage.restarted(first="new", key=Fernet.generate_key().decode())
    assert healed.tokens.get(API) == "access-1"
    assert healed.restarted(first="new", key=KEY).store is not None


def test_two_instances_may_rotate_at_once_and_one_of_their_tokens_stays() -> None:
    stage = Stage()
    barrier = threading.Barrier(8)
    loaded = stage.store.load()

    def save(number: int) -> None:
        barrier.wait()
        LedgerTokenStore(stage.ledger.drawers, [KEY], First("first"), stage.clock).save(f"rotated-{number}", loaded)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stage.store.load().token in {f"rotated-{number}" for number in range(8)}


def test_a_key_is_replaced_without_a_new_sign_in() -> None:
    old, new = KEY, Fernet.generate_key().decode()
    before = Stage()
    before.store.save("stored-under-the-old-key", before.store.load())
    both = before.restarted(key=f"{new},{old}")
    assert both.store.load().token == "stored-under-the-old-key"
    both.store.save("stored-under-the-new-key", both.store.load())
    assert both.restarted(key=new).store.load().token == "stored-under-the-new-key"
    with pytest.raises(SettingsError, match="Put the old key behind the new one"):
        both.restarted(key=old).store.load()


def test_a_token_that_somebody_stored_meanwhile_is_never_overwritten() -> None:
    stage = Stage()
    before = stage.store.load()
    stage.store.save("of a new sign-in", before)
    stage.store.save("of the old one", before)
    assert stage.store.load().token == "of a new sign-in"


def test_the_newest_token_is_used_in_the_process_and_stored_once_a_day() -> None:
    stage = Stage()
    stored = set()
    for hour in range(48):
        stage.tokens.get(API, fresh=True)
        stored.add(stage.store.load().token)
        assert stage.entra.redeemed[-1][0] == ("first" if hour == 0 else f"CANARY-rotated-{hour}")
        stage.clock.pass_time(3600)
    assert stored == {"CANARY-rotated-1", "CANARY-rotated-25"}
    assert SAVE_AFTER.total_seconds() == 24 * 3600


def test_another_instance_s_token_is_used_at_the_next_swap() -> None:
    stage = Stage()
    stage.tokens.get(API)
    stage.store.save("of a new sign-in", stage.store.load())
    stage.tokens.get(API, fresh=True)
    assert stage.entra.redeemed[-1][0] == "of a new sign-in"


def test_without_a_setting_the_stored_token_goes_on() -> None:
    stage = Stage()
    stage.tokens.get(API)
    without = stage.restarted(first="")
    without.tokens.get(API)
    assert without.entra.redeemed[0][0] == "CANARY-rotated-1"


def test_a_setting_that_comes_back_beats_what_was_stored_without_it() -> None:
    stage = Stage()
    stage.tokens.get(API)
    without = stage.restarted(first="")
    without.clock.pass_time(SAVE_AFTER.total_seconds())
    without.tokens.get(API)
    assert stage.restarted(first="first").store.load().token == "first"


def test_nobody_has_signed_in() -> None:
    stage = Stage(first="")
    with pytest.raises(SignInRequired, match=r"nobody has signed in.*cosell\.py sign-in"):
        stage.tokens.get(API)
    assert stage.entra.redeemed == []


def test_who_signed_in_stays_known_while_tokens_rotate() -> None:
    ada = SignedIn("ada@partner.example", ManualClock().now())
    stage = Stage(signed_in=ada)
    assert stage.store.load().ends == ada.at + timedelta(days=90)
    stage.clock.pass_time(86400)
    stage.tokens.get(API)
    kept = stage.restarted().store.load()
    assert kept.signed_in == ada
    assert kept.ends == stage.clock.now() + timedelta(days=90)


def test_a_note_survives_being_written_as_a_setting() -> None:
    ada = SignedIn("ada@partner.example", ManualClock().now())
    assert SignedIn.read(str(ada)) == ada
    for spoilt in (None, "", "ada@partner.example", "2026-01-01T00:00:00+00:00 ", "2026-01-01 ada@partner.example"):
        assert SignedIn.read(spoilt) is None


# --- scopes and lifetimes --------------------------------------------------------------------------------------------


def test_each_scope_has_its_own_access_token() -> None:
    stage = Stage()
    assert stage.tokens.get(API) != stage.tokens.get(WEBHOOKS)
    assert stage.tokens.get(API) == "access-1"
    assert stage.tokens.get(WEBHOOKS) == "access-2"
    assert [scope for _, scope in stage.entra.redeemed] == [API, WEBHOOKS]


@pytest.mark.parametrize("lifetime", ["3599", 3599])
def test_an_access_token_is_used_until_shortly_before_its_end(lifetime: object) -> None:
    stage = Stage()
    stage.entra.expires_in = lifetime
    stage.tokens.get(API)
    stage.clock.pass_time(3599 - EARLY.total_seconds() - 1)
    assert stage.tokens.get(API) == "access-1"
    stage.clock.pass_time(2)
    assert stage.tokens.get(API) == "access-2"


def test_a_fresh_token_replaces_the_held_one() -> None:
    stage = Stage()
    stage.tokens.get(API)
    assert stage.tokens.get(API, fresh=True) == "access-2"
    assert stage.tokens.get(API) == "access-2"


def test_many_threads_ask_entra_once() -> None:
    stage = Stage()
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(stage.tokens.get(API))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["access-1"] * 8
    assert len(stage.entra.redeemed) == 1


# --- refusals --------------------------------------------------------------------------------------------------------


def refused(**refusal: object) -> Stage:
    stage = Stage(first="CANARY-first")
    stage.entra.refusal = refusal
    return stage


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required"])
def test_a_refused_refresh_token_says_who_must_do_what(error: str) -> None:
    stage = refused(error=error, error_codes=[700082], error_description="CANARY-description")
    with pytest.raises(SignInRequired) as caught:
        stage.tokens.get(API)
    message = str(caught.value)
    for part in ("service user", "sign in", "cosell.py sign-in", "AADSTS700082", "not used for 90 days"):
        assert part in message
    assert "CANARY" not in message


@pytest.mark.parametrize(
    ("error", "family", "part"),
    [
        ("invalid_client", SettingsError, "PARTNER_CENTER_CLIENT_ID"),
        ("unauthorized_client", SettingsError, "PARTNER_CENTER_CLIENT_ID"),
        ("consent_required", AccessDenied, "consent"),
        ("invalid_scope", AccessDenied, "permissions"),
        ("temporarily_unavailable", ServiceUnavailable, "Entra ID"),
        ("server_error", ServiceUnavailable, "Entra ID"),
    ],
)
def test_other_refusals_have_their_family(error: str, family: type[CosellError], part: str) -> None:
    with pytest.raises(family, match=part):
        refused(error=error).tokens.get(API)


@pytest.mark.parametrize(
    ("error", "code", "family", "part"),
    [
        ("invalid_grant", 65001, AccessDenied, "admin consent"),
        ("invalid_grant", 50173, SignInRequired, "revoked"),
        ("invalid_grant", 70043, SignInRequired, "exclude the service user"),
        ("invalid_request", 90002, SettingsError, "PARTNER_CENTER_TENANT_ID"),
        ("unauthorized_client", 700016, SettingsError, "PARTNER_CENTER_CLIENT_ID"),
        ("invalid_client", 7000222, SettingsError, "has expired"),
        ("invalid_client", 7000215, SettingsError, "not its id"),
        ("server_error", 7, ServiceUnavailable, "AADSTS7"),
    ],
)
def test_the_number_says_more_than_the_name(error: str, code: int, family: type[CosellError], part: str) -> None:
    with pytest.raises(family, match=part):
        refused(error=error, error_codes=[code]).tokens.get(API)


def test_a_refused_token_is_left_alone_for_a_minute_and_a_new_one_is_tried_at_once() -> None:
    stage = refused(error="invalid_grant", error_codes=[50173])
    for _ in range(5):
        with pytest.raises(SignInRequired, match="AADSTS50173"):
            stage.tokens.get(API)
    assert len(stage.entra.redeemed) == 1
    stage.clock.pass_time(REFUSED_FOR.total_seconds())
    with pytest.raises(SignInRequired):
        stage.tokens.get(API)
    assert len(stage.entra.redeemed) == 2
    stage.store.save("of a new sign-in", stage.store.load())
    stage.entra.refusal = {}
    assert stage.tokens.get(API) == "access-3"


def test_a_wrong_setting_is_asked_about_every_time() -> None:
    stage = refused(error="invalid_client")
    for _ in range(2):
        with pytest.raises(SettingsError):
            stage.tokens.get(API)
    assert len(stage.entra.redeemed) == 2


@pytest.mark.parametrize("odd", [{}, {"error": "invalid_grant", "error_codes": "x"}, {"error_codes": None}])
def test_an_odd_answer_is_still_of_a_family(odd: dict[str, object]) -> None:
    stage = Stage()
    stage.entra.refusal = odd or {"nothing": 1}
    with pytest.raises(CosellError):
        stage.tokens.get(API)


def test_work_resumes_by_itself_after_a_new_sign_in() -> None:
    stage = refused(error="invalid_grant")
    with pytest.raises(SignInRequired):
        stage.tokens.get(API)
    assert stage.restarted(first="new").tokens.get(API) == "access-1"
