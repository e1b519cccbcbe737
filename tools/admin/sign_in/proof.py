"""The proof of a refresh token: what the app will do with it is done once, before the token replaces another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shared.bootstrap import App
from shared.errors import AccessDenied, CosellError, SignInRequired
from shared.partner_center.token_store import KeptToken
from tools.admin.sign_in.flow import Minted, check_mfa

REFERRALS_ROLE = (
    "give the service user the role Referrals admin in Partner Center (Settings, User management), wait up to an hour "
    "for it, and sign in again"
)
WEBHOOK_ROLE = (
    "if registering is refused later, give the service user one of the roles that Partner Center's page on webhooks "
    "names: Admin agent, Sales agent, Helpdesk agent or Billing admin"
)
NO_MFA = "900421"
"""Partner Center's code for a token without MFA."""


class InHand:
    """A TokenStore that keeps the newest token in memory."""

    def __init__(self, minted: Minted) -> None:
        self.minted = minted

    def load(self) -> KeptToken:
        """Return the token, as one that nobody has stored."""
        return KeptToken(self.minted.refresh_token, None, self.minted.signed_in)

    def save(self, token: str, kept: KeptToken) -> None:  # noqa: ARG002 - as the protocol has it
        """Go on with the newer token."""
        self.minted = replace(self.minted, refresh_token=token)


def prove(app: App, minted: Minted) -> Iterator[str | Minted]:
    """Yield a line for each thing that works, and at last the newest token.

    Raises AccessDenied, SignInRequired or another family with the remedy: then the token must not be stored.
    """
    settings, store = app.settings, InHand(minted)
    app.partner_center_connection.token_store = store
    for scope in (settings.partner_center_api_scope, settings.partner_center_webhooks_scope):
        check_mfa(app.partner_center_connection.token(scope))
        yield f"✔ Entra ID issues tokens for {scope.removesuffix('/.default')}"
    try:
        app.partner_center.now()
    except SignInRequired as error:
        raise _mfa_demanded(error) from error
    except AccessDenied as error:
        raise AccessDenied(f"{minted.signed_in.user} may not read referrals ({error}): {REFERRALS_ROLE}.") from error
    yield "✔ referrals can be listed"
    yield _registration(app)
    yield store.minted


def _registration(app: App) -> str:
    try:
        app.webhooks.registration()
    except AccessDenied as error:
        return f"⚠ the webhook's registration cannot be read ({error}): {WEBHOOK_ROLE}"
    except SignInRequired as error:
        raise _mfa_demanded(error) from error
    return "✔ the webhook's registration can be read"


def _mfa_demanded(error: CosellError) -> CosellError:
    if error.code != NO_MFA:
        return error
    return SignInRequired(
        f"Partner Center asks for MFA ({NO_MFA}): register the service user for it, and sign in again."
    )
