"""An administrator with a fresh checkout: README's commands as they are typed, with simulated vendors behind them."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

import requests
from cryptography.fernet import Fernet

from tests.support.stages.sign_in import ROOT, with_az
from tools.local.azurite import Azurite
from tools.local.localhost.process import HostProcess
from tools.simulators.salesforce.seeding import INTEGRATION_USER
from tools.simulators.sellers.dynamics365 import Dynamics365Seller
from tools.simulators.sellers.salesforce import SalesforceSeller
from tools.simulators.vendors import CLIENT_ID, CLIENT_SECRET, SYNC_USER, Vendors

T = TypeVar("T")

APP = "cosell-app"
STAND_INS = (
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "WEBHOOK_TRUST_BUNDLE",
    "WEBHOOK_CERTIFICATE_HOSTS",
    "WEBHOOK_ISSUER_HOSTS",
    "ENTRA_AUTHORITY",
    "PARTNER_CENTER_API_URL",
    "PARTNER_CENTER_WEBHOOKS_URL",
)
"""What says that the vendors are simulated. Nobody who installs the app sets one; the bundle holds one root."""

_LEFT = ("tests", "docs", "dist", "*.md", "__pycache__", ".*")
_SELLERS: dict[str, type[Dynamics365Seller | SalesforceSeller]] = {
    each.name: each for each in (Dynamics365Seller, SalesforceSeller)
}
_ADMINISTRATOR = ("3MVG9.admin", "an-administrators-secret")


class Installation:
    """A checkout, an empty function app in Azure with its storage, and vendors that know nothing of the app yet."""

    def __init__(self, crm: str, folder: Path) -> None:
        self.crm = crm
        self.vendors = Vendors()
        self.checkout = folder / "checkout"
        self.folder = folder
        self.app: HostProcess
        self.out = self.err = ""
        """What the last command said."""
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start the vendors and the storage, and make the checkout."""
        with ExitStack() as starting:
            storage = starting.enter_context(Azurite()).connection_string
            starting.enter_context(self.vendors)
            self.seller = _SELLERS[self.crm](self.vendors, cosell_columns=False)
            shutil.copytree(ROOT, self.checkout, ignore=shutil.ignore_patterns(*_LEFT))
            self._environment = self._of_the_administrator()
            self._write_az({"AzureWebJobsStorage": storage})
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it all, the app first."""
        self._running.close()

    def _of_the_administrator(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "PATH": with_az(self.folder / "bin"),
            "AZ_STATE": str(self._az),
            "PYTHONPATH": str(self.checkout),
            "PYTHONIOENCODING": "utf-8",
            "BROWSER": f"{shlex.quote(sys.executable)} {ROOT}/tests/support/sign_in.py %s",
            "BROWSER_LOGIN": SYNC_USER,
        }

    # --- what the administrator does -------------------------------------------------------------------------------

    def cosell(self, command: str, **more: str) -> int:
        """Type `python3 cosell.py <command>`, with `more` in the environment; returns its exit code."""
        typed = [sys.executable, "-u", "-P", "-m", "tools.cli", *shlex.split(command)]
        return self._type(typed, self._environment | more)

    def az(self, command: str) -> int:
        """Type `az <command>`."""
        return self._type([str(self.folder / "bin" / "az"), *shlex.split(command)], self._environment)

    def _type(self, command: list[str], environment: Mapping[str, str]) -> int:
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=90, check=False
        )
        self.out, self.err = done.stdout, done.stderr
        return done.returncode

    def copy_the_sample(self) -> None:
        """Copy local.settings.sample.json to local.settings.json."""
        shutil.copyfile(self.checkout / "local.settings.sample.json", self._local)

    def fill_in(self) -> None:
        """Fill in what the first two steps gave: the app registration, and the app's way into the CRM."""
        known = self.vendors.settings()
        self._environment |= {name: known[name] for name in STAND_INS}
        values = {
            "TOKEN_ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "CRM": self.crm,
            "PARTNER_CENTER_TENANT_ID": self.vendors.entra.tenant_id,
            "PARTNER_CENTER_CLIENT_ID": CLIENT_ID,
            "PARTNER_CENTER_CLIENT_SECRET": CLIENT_SECRET,
            "DRY_RUN": "true",
            **self.seller.settings(),
        }
        content = json.loads(self._local.read_text("utf-8"))
        content["Values"].update(values)
        self._local.write_text(json.dumps(content, indent=2), "utf-8")

    def provision(self, how: str) -> int:
        """Make the columns: in Salesforce as its administrator, who signs in for this one command."""
        if self.crm != "salesforce":
            return self.cosell(f"provision {how}")
        assert isinstance(self.seller, SalesforceSeller)
        client_id, secret = _ADMINISTRATOR
        self.seller.simulator.add_connected_app(
            client_id, secret, username="ada.admin@partner.example", customizer=True
        )
        signed_in = {"SALESFORCE_CLIENT_ID": client_id, "SALESFORCE_CLIENT_SECRET": secret}
        return self.cosell(f"provision {how} --user {INTEGRATION_USER}", **signed_in)

    def publish(self) -> None:
        """Run what is in the checkout with the settings that the function app has by now, as Azure does."""
        trust = {name: self._environment[name] for name in STAND_INS[:2]}
        settings = {"FUNCTIONS_WORKER_RUNTIME": "python", **self.app_settings(), **trust}
        self.app = self._running.enter_context(HostProcess(self.checkout, settings, auth=True))

    def poll(self) -> None:
        """Run CrmPoller now. Where its schedule was a moment quicker, this looks at nothing: a minute must go by."""
        url, headers = f"{self.app.url}/admin/functions/CrmPoller", {"x-functions-key": self.app.keys["_master"]}
        requests.post(url, json={"input": ""}, headers=headers, timeout=60).raise_for_status()

    def eventually(self, look: Callable[[], T]) -> T:
        """Return what `look` finds as soon as it is true. Raises TimeoutError after 90 s: longer than between polls."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.05)
        raise TimeoutError(f"not within 90 s. The app's last words:\n{self.app.log_text()[-3000:]}")

    # --- what there is then ----------------------------------------------------------------------------------------

    @property
    def _local(self) -> Path:
        return self.checkout / "local.settings.json"

    def local_settings(self) -> dict[str, str]:
        """Return local.settings.json's values."""
        values: dict[str, str] = json.loads(self._local.read_text("utf-8"))["Values"]
        return values

    @property
    def _az(self) -> Path:
        return self.folder / "az.json"

    def _write_az(self, settings: Mapping[str, str]) -> None:
        state = {"app": APP, "group": "cosell", "settings": settings, "tokens": {}, "signed_in": True, "calls": []}
        self._az.write_text(json.dumps(state))

    def app_settings(self) -> dict[str, str]:
        """Return the function app's settings."""
        state: dict[str, Any] = json.loads(self._az.read_text())
        return dict(state["settings"])
