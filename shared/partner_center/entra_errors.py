"""What Entra ID's refusals mean, and who does what about them.

Source: the page of AADSTS error codes (entra/identity-platform/reference-error-codes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import AccessDenied, CosellError, ServiceUnavailable, SettingsError, SignInRequired

SIGN_IN = "run `python3 cosell.py sign-in` and sign in as the Partner Center service user, with MFA"
"""What a person does about a refresh token that does not work any more."""


class Cause(StrEnum):
    """Which family an error belongs to."""

    PERSON = "person"
    SETTING = "setting"
    CONSENT = "consent"


@dataclass(frozen=True)
class Refusal:
    """What one code means, and its remedy."""

    cause: Cause
    meaning: str
    remedy: str


def _person(meaning: str, remedy: str = SIGN_IN) -> Refusal:
    return Refusal(Cause.PERSON, meaning, remedy)


def _setting(meaning: str, remedy: str) -> Refusal:
    return Refusal(Cause.SETTING, meaning, remedy)


_POLICY = (
    "a Conditional Access policy ends sessions or refuses this sign-in: exclude the service user from it, or let it "
    f"pass from here; then {SIGN_IN}"
)
_CONSENT = (
    "grant admin consent to both delegated permissions of the app registration (Microsoft Partner, and Microsoft "
    f"Partner Center); if the sign-in is older than that, {SIGN_IN}"
)

REFUSALS = {
    50011: _setting(
        "the redirect URI is not registered",
        "add the redirect URI http://localhost/ to the app registration, on the platform Web (Authentication, Add a "
        "platform, Web)",
    ),
    50020: _person("the user belongs to another tenant", "sign in with a user of the partner tenant itself"),
    50034: _person("the tenant has no such user", "sign in with a user of the partner tenant itself"),
    50057: _person("the user is disabled", f"enable the service user in Entra ID; then {SIGN_IN}"),
    50076: _person("MFA is demanded"),
    50079: _person("the user must register for MFA"),
    50105: _person(
        "the user is not assigned to the app", f"assign the service user to the enterprise application; then {SIGN_IN}"
    ),
    50158: _person("another security check is demanded"),
    50173: _person("the sign-in was revoked"),
    53000: _person("a Conditional Access policy asks for a managed device", _POLICY),
    53003: _person("a Conditional Access policy blocks it", _POLICY),
    65001: Refusal(Cause.CONSENT, "nobody has consented to the app's permissions", _CONSENT),
    65004: Refusal(Cause.CONSENT, "the user declined to consent", _CONSENT),
    70043: _person("a Conditional Access policy limits how long a sign-in lasts", _POLICY),
    70044: _person("a Conditional Access policy limits how long a sign-in lasts", _POLICY),
    70008: _person("the token or code has expired, or is none of this tenant's"),
    90002: _setting("there is no such tenant", "correct PARTNER_CENTER_TENANT_ID and ENTRA_AUTHORITY"),
    90072: _person("the user belongs to another tenant", "sign in with a user of the partner tenant itself"),
    90094: Refusal(Cause.CONSENT, "an administrator must consent to the app's permissions", _CONSENT),
    500011: Refusal(
        Cause.CONSENT,
        "the tenant does not know the API",
        "add the delegated permissions Microsoft Partner and Microsoft Partner Center to the app registration, and "
        "grant admin consent",
    ),
    700016: _setting(
        "the tenant has no such app", "correct PARTNER_CENTER_CLIENT_ID, or PARTNER_CENTER_TENANT_ID of another tenant"
    ),
    700025: _setting(
        "the redirect URI belongs to a public client",
        "remove http://localhost/ from the platform Mobile and desktop applications, and add it to the platform Web",
    ),
    700027: _setting(
        "the certificate is not registered with the app", "upload the certificate of PARTNER_CENTER_CLIENT_CERTIFICATE"
    ),
    700082: _person("it was not used for 90 days"),
    700084: _person(
        "the redirect URI is one of a single-page app, whose sign-ins last a day",
        f"register http://localhost/ on the platform Web, and on no other; then {SIGN_IN}",
    ),
    7000215: _setting(
        "the client secret is wrong",
        "set PARTNER_CENTER_CLIENT_SECRET to the secret's value (not its id); if it is lost, make a new one",
    ),
    7000222: _setting("the client secret has expired", "make a new one, and set PARTNER_CENTER_CLIENT_SECRET"),
}
"""By AADSTS number."""

_BY_NAME = {
    "invalid_grant": _person("it does not count any more"),
    "interaction_required": _person("a person is asked for"),
    "login_required": _person("a person is asked for"),
    "invalid_client": _setting(
        "the app registration is refused",
        "check PARTNER_CENTER_CLIENT_ID and the client secret or certificate; secrets expire",
    ),
    "consent_required": REFUSALS[65001],
}
_BY_NAME["unauthorized_client"] = _BY_NAME["invalid_client"]
_OTHERWISE = Refusal(Cause.CONSENT, "it is refused", "check the app registration's permissions and admin consent")
_TEMPORARY = ("temporarily_unavailable", "server_error", "")


def refusal_of(error: str, codes: object) -> Refusal:
    """Return what an OAuth error with these AADSTS numbers means."""
    numbers = [code for code in codes if code in REFUSALS] if isinstance(codes, Iterable) else []
    return REFUSALS[numbers[0]] if numbers else _BY_NAME.get(error, _OTHERWISE)


def raised_for(what: str, error: str, codes: object) -> CosellError:
    """Return the error of the right family. `what` is refused: "the refresh token", "the sign-in"."""
    numbers = ", ".join(f"AADSTS{code}" for code in codes) if isinstance(codes, list) else ""
    told = f"{error} {numbers}".strip()
    refusal = refusal_of(error, codes)
    if error in _TEMPORARY and refusal is _OTHERWISE:
        return ServiceUnavailable(f"Entra ID does not answer ({told})")
    kinds = {Cause.PERSON: SignInRequired, Cause.SETTING: SettingsError, Cause.CONSENT: AccessDenied}
    remedy = refusal.remedy[0].upper() + refusal.remedy[1:]
    return kinds[refusal.cause](f"Entra ID refused {what} ({told}): {refusal.meaning}. {remedy}.")
