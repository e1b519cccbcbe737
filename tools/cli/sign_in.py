"""`cosell.py sign-in`: the Partner Center service user signs in, and the app gets its refresh token."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import webbrowser
from pathlib import Path

from shared.errors import CosellError, SettingsError
from tools.admin.asked import PARTNER_CENTER, settings_for
from tools.admin.operator import OperatorApp
from tools.admin.sign_in.flow import Minted, SignInFlow
from tools.admin.sign_in.loopback import Loopback, pasted
from tools.admin.sign_in.places import AppSettings, LocalSettings, Place, Vault
from tools.admin.sign_in.proof import prove
from tools.cli import local_settings

DONE, REFUSED, WRONG_USE = 0, 1, 2


def main(args: list[str]) -> int:
    """Sign in, prove and store; 1 when that is refused, 2 when it cannot begin."""
    options = _parser().parse_args(args)
    try:
        local_settings.into_environment(options)
        app = OperatorApp(settings_for(os.environ, PARTNER_CENTER))
        place = _place(app, options)
        place.check()
    except CosellError as error:
        print(f"✖ {error}", file=sys.stderr)
        return WRONG_USE
    try:
        minted = _pasted(app, options) if options.no_browser else _browsed(app, options)
        print(f"✔ {minted.signed_in.user} signed in, with MFA", flush=True)
        _keep(app, minted, place)
    except CosellError as error:
        print(f"✖ Nothing was stored: {error}", file=sys.stderr)
        return REFUSED
    return DONE


def _browsed(app: OperatorApp, options: argparse.Namespace) -> Minted:
    with Loopback(options.port) as loopback:
        flow = SignInFlow(app, loopback.redirect_uri, "form_post", options.user)
        print(
            f"Sign in as the Partner Center service user, with MFA. If no browser opens, open\n  {flow.url}", flush=True
        )
        loopback.expect(flow.state)
        webbrowser.open(flow.url)  # Some browsers return only when they are closed.
        return flow.finish(loopback.wait(options.minutes * 60))


def _pasted(app: OperatorApp, options: argparse.Namespace) -> Minted:
    redirect_uri = f"http://localhost:{options.port or _NOBODY}/"
    flow = SignInFlow(app, redirect_uri, "query", options.user)
    print(f"Open this in any browser, and sign in as the Partner Center service user, with MFA:\n  {flow.url}")
    print(f"The browser then shows an address that begins with {redirect_uri} and cannot be reached. Copy it whole.")
    prompt = "Paste the address (it is not shown): "
    given = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    return flow.finish(pasted(given, redirect_uri))


_NOBODY = 60123
"""A port on which hardly anything listens: the browser is to end on an address, not on a page."""


def _keep(app: OperatorApp, minted: Minted, place: Place) -> None:
    for told in prove(app, minted):
        if isinstance(told, Minted):
            minted = told
        else:
            print(told, flush=True)
    print(f"✔ kept {place.keep(minted)}")
    print("The app renews it daily. If the app stands still for 90 days, somebody must sign in again.")


def _place(app: OperatorApp, options: argparse.Namespace) -> Place:
    """Return where the token goes. Raises SettingsError when nothing says where."""
    if options.app:
        return AppSettings(options.app, options.resource_group)
    vault = options.vault or app.settings.key_vault_url
    if vault and not options.local:
        return Vault(app, vault)
    if options.from_app and not options.local:
        return AppSettings(options.from_app, options.resource_group)
    if options.local or local_settings.FILE.exists():
        return LocalSettings(Path(local_settings.FILE))
    raise SettingsError(
        "nothing says where the token is to be kept: set KEY_VAULT_URL, or name --vault, --app or --local."
    )


def _parser() -> argparse.ArgumentParser:
    about = "Sign in as the Partner Center service user, and put the refresh token where the app reads it."
    parser = argparse.ArgumentParser(prog="cosell.py sign-in", description=about)
    parser.add_argument("--user", default="", metavar="NAME", help="who is to sign in; anybody else is refused")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--vault", metavar="URL", help="keep it in this Key Vault; default: KEY_VAULT_URL")
    where.add_argument("--app", metavar="NAME", help="keep it in the settings of this function app, by the Azure CLI")
    where.add_argument("--local", action="store_true", help="keep it in local.settings.json")
    parser.add_argument(
        "--no-browser", action="store_true", help="the browser is on another machine: paste its address"
    )
    parser.add_argument(
        "--port", type=int, default=0, help="of localhost, for the browser's answer; default: a free one"
    )
    parser.add_argument("--minutes", type=float, default=5, help="how long to wait for the browser; default 5")
    local_settings.add_arguments(parser)
    return parser
