"""Settings in use: secrets stay secret, and what is accepted works."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.bootstrap import App
from shared.errors import CosellError, SettingsError
from shared.settings import load_settings
from tests.support.stand_ins import ManualClock, ScriptedTransport
from tests.unit.test_settings import GOOD, KEY, SALESFORCE, load

# --- secrets ---------------------------------------------------------------------------------------------------------


def test_no_secret_is_shown_by_the_settings() -> None:
    for text in (repr(load()), str(load())):
        assert "CANARY" not in text
        assert "Q0FOQVJZ" not in text
        assert KEY not in text
    certificate = load(PARTNER_CENTER_CLIENT_CERTIFICATE="-----BEGIN CANARY-----", PARTNER_CENTER_CLIENT_SECRET=None)
    assert "CANARY" not in repr(certificate)


@pytest.mark.parametrize(
    "name",
    [
        "TOKEN_ENCRYPTION_KEY",
        "ALERT_WEBHOOK_URL",
        "KEY_VAULT_URL",
        "DYNAMICS_URL",
        "SALESFORCE_URL",
        "SALESFORCE_API_VERSION",
        "SALESFORCE_CURRENCY",
        "CRM",
        "CRM_AUDIT",
        "DRY_RUN",
        "ENTRA_AUTHORITY",
    ],
)
def test_no_value_is_repeated_in_the_message(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: "http://CANARY.example/CANARY"})
    shown = f"{caught.value} {caught.value!r}"
    assert "CANARY" not in shown
    assert "Q0FOQVJZ" not in shown
    cause: BaseException | None = caught.value
    while cause is not None:
        assert "CANARY" not in str(cause)
        cause = cause.__cause__ or cause.__context__


# --- what is accepted can be used ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"TOKEN_ENCRYPTION_KEY": None, "KEY_VAULT_URL": "https://vault.example"},
        {"PARTNER_CENTER_CLIENT_SECRET": None, "PARTNER_CENTER_CLIENT_CERTIFICATE": "not a certificate"},
        {"WEBHOOK_TRUST_BUNDLE": "/no/such/file"},
        {"WEBHOOK_TRUST_BUNDLE": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"},
        {"CRM": "salesforce", **SALESFORCE},
        {"CRM": "dynamics365,salesforce", **SALESFORCE},
        {
            "CRM": "salesforce",
            **SALESFORCE,
            "SALESFORCE_CLIENT_SECRET": None,
            "SALESFORCE_USERNAME": "u",
            "SALESFORCE_PRIVATE_KEY": "/no/such/file",
        },
    ],
)
def test_settings_that_were_accepted_never_fail_as_a_bug(given: dict[str, str | None]) -> None:
    app = App(load(**given), ManualClock(), ScriptedTransport())
    for make in (
        lambda: app.partner_center_connection._tokens,
        lambda: app.partner_center_connection.token_store,
        lambda: app.signature_check,
        lambda: [app.tasks.of(name) for name in app.tasks.names],
    ):
        assert any(name in _refusal(make) for name in [*given, "nothing"])


def _refusal(make: Callable[[], object]) -> str:
    """What a use of the settings is refused with; anything but our own errors fails the test."""
    try:
        make()
    except CosellError as error:
        return str(error)
    return "nothing"


@pytest.mark.parametrize("crm", ["dynamics365", "salesforce", "dynamics365,salesforce"])
def test_the_sample_is_a_form_that_only_wants_to_be_filled_in(crm: str) -> None:
    sample = json.loads((Path(__file__).resolve().parents[2] / "local.settings.sample.json").read_text())["Values"]
    unused = ("SALESFORCE_USERNAME", "SALESFORCE_PRIVATE_KEY", "SALESFORCE_CURRENCY")
    # Only what belongs to the CRM is filled in: the other one's placeholders do no harm.
    own = {name: str(value) for name, value in {**GOOD, **SALESFORCE}.items() if name.split("_")[0].casefold() in crm}
    filled = {name: value or ("" if name in unused else GOOD.get(name, "x")) for name, value in sample.items()}
    assert ",".join(load_settings({**filled, **own, "CRM": crm}).crms) == crm
    with pytest.raises(SettingsError, match="_URL: still holds the sample's placeholder") as caught:
        load_settings({**filled, "CRM": crm})
    assert str(caught.value).count("placeholder") == crm.count(",") + 1
