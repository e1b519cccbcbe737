"""An administrator's machine before the first sign-in: a world without a refresh token, a browser, and perhaps az."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.sign_in import browse
from tools.cli import sign_in
from tools.simulators.key_vault import RESOURCE, KeyVaultSimulator, Role
from tools.simulators.vendors import SYNC_USER, Vendors

ROOT = Path(__file__).resolve().parents[3]
OPERATOR = "6d1a6f3e-9a0d-4a57-8e6e-9f0a5a3f0c11"
"""The object id of the administrator who is signed in to az."""

SAMPLE = """{
  // Core Tools allows comments.
  "IsEncrypted": false,
  "Values": {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "PARTNER_CENTER_REFRESH_TOKEN": "", // filled in by sign-in
    "OTHER": "http://not//a-comment",
  }
}
"""


def with_az(folder: Path) -> str:
    """Put an az into the folder; returns a PATH on which it is found, and no other."""
    folder.mkdir(exist_ok=True)
    script = folder / "az"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {ROOT}/tests/support/az.py "$@"\n')
    script.chmod(0o755)
    return f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"


class Machine:
    """Commands run in this process, with a person at the browser who does as told."""

    def __init__(self, vendors: Vendors, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.vendors = vendors
        self.folder = folder
        self.presses = ["Sign in"]
        self.login = SYNC_USER
        self.shown = ""
        """What the browser shows at last."""
        self._patch = monkeypatch
        self._browser: threading.Thread | None = None
        for name, value in self.settings().items():
            monkeypatch.setenv(name, value)
        for name in ("PARTNER_CENTER_REFRESH_TOKEN", "KEY_VAULT_URL", "CRM"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PATH", str(folder / "bin"))
        monkeypatch.setattr("tools.cli.local_settings.FILE", folder / "local.settings.json")
        monkeypatch.setattr("webbrowser.open", self._open)

    def settings(self) -> dict[str, str]:
        """Return the settings of the world, without a refresh token."""
        return {k: v for k, v in self.vendors.settings().items() if k != "PARTNER_CENTER_REFRESH_TOKEN"}

    def _open(self, url: str) -> bool:
        self._browser = threading.Thread(target=self._browse, args=(url,))
        self._browser.start()
        return True

    def _browse(self, url: str) -> None:
        with requests.Session() as session:
            self.shown = browse(session, url, self.presses, login=self.login).text

    def run(self, *args: str) -> int:
        """Run the command as it is typed."""
        code = sign_in.main(["--minutes", "0.2", *args])
        if self._browser:
            self._browser.join()
        return code

    # --- local.settings.json ---------------------------------------------------------------------------------------

    @property
    def file(self) -> Path:
        return self.folder / "local.settings.json"

    def write(self, text: str = SAMPLE) -> None:
        self.file.write_text(text, encoding="utf-8")
        self.file.chmod(0o644)

    # --- Azure -----------------------------------------------------------------------------------------------------

    def install_az(self, settings: Mapping[str, str] | None = None, *, signed_in: bool = True) -> None:
        """Put an az on PATH, signed in as the operator."""
        self.vendors.entra.register_app("operators-az", "unused", object_id=OPERATOR)
        token = self.vendors.entra.issue_access_token("operators-az", RESOURCE)
        state = {
            "app": "cosell-app",
            "group": "cosell-group",
            "settings": dict(settings or {}),
            "tokens": {RESOURCE: token},
            "signed_in": signed_in,
            "calls": [],
        }
        self._state.write_text(json.dumps(state))
        self._patch.setenv("AZ_STATE", str(self._state))
        self._patch.setenv("PATH", with_az(self.folder / "bin"))

    @property
    def _state(self) -> Path:
        return self.folder / "az.json"

    def az(self) -> dict[str, Any]:
        """Return what az knows and was asked."""
        content: dict[str, Any] = json.loads(self._state.read_text())
        return content

    def make_vault(self, role: Role | None = Role.OFFICER) -> tuple[KeyVaultSimulator, str]:
        """Return a vault and its URL; the operator has a role in it."""
        vault = KeyVaultSimulator(self.vendors.entra, self.vendors.clock, self.vendors.entra.tenant_id)
        if role:
            vault.grant(OPERATOR, role)
        return vault, self.vendors.add("vault", vault).url


def mode(path: Path) -> str:
    """Return who may do what with a file."""
    return stat.filemode(path.stat().st_mode)
