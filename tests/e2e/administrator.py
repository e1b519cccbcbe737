"""What an administrator runs beside the app: commands, and the columns that a mapping names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType

from tools.local.stack import ROOT, Stack
from tools.simulators.salesforce.seeding import INTEGRATION_USER
from tools.simulators.sellers.salesforce import SalesforceSeller

NONE: Mapping[str, str] = MappingProxyType({})
_ADMINISTRATOR = ("administrator", "administrators-secret")


def command(stack: Stack, *args: str, code: int = 0, settings: Mapping[str, str] = NONE) -> str:
    """Run a command under the app's settings, some of them otherwise; returns what it says when it ends with `code`."""
    environment = {**os.environ, **stack.settings(), **settings}
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli", *args],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def provision(stack: Stack) -> str:
    """Make the columns: in Salesforce as its administrator, who signs in for this one command."""
    seller = stack.crm
    if not isinstance(seller, SalesforceSeller):
        return command(stack, "provision", "--apply")
    client_id, secret = _ADMINISTRATOR
    seller.simulator.add_connected_app(client_id, secret, username="ada.admin@partner.example", customizer=True)
    signed_in = {"SALESFORCE_CLIENT_ID": client_id, "SALESFORCE_CLIENT_SECRET": secret}
    return command(stack, "provision", "--apply", "--user", INTEGRATION_USER, settings=signed_in)
