"""Where the app reads its refresh token from: a vault, the app's settings, or local.settings.json.

Each place is tried before a person signs in, so that nobody does in vain. No token is printed, logged, or an argument.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from shared.bootstrap import App
from shared.errors import SettingsError
from shared.partner_center.key_vault import KeyVaultTokenStore
from shared.partner_center.token_store import First
from tools.admin import azure_cli, jsonc
from tools.admin.sign_in.flow import Minted

TOKEN, NOTE = "PARTNER_CENTER_REFRESH_TOKEN", "PARTNER_CENTER_SIGNED_IN"
"""The settings of the token, and of who signed in and when."""

REFERENCE = "@Microsoft.KeyVault("


class Place(Protocol):
    """One place for the token. Methods raise the families of shared.errors."""

    def check(self) -> None:
        """Raise what would keep the token from being stored here, as far as that can be known."""
        ...

    def keep(self, minted: Minted) -> str:
        """Store it; returns what is to be said about it."""
        ...


class Vault:
    """The vault that KEY_VAULT_URL names, under the operator's sign-in to Azure."""

    def __init__(self, app: App, url: str) -> None:
        self._url = url
        self._store = KeyVaultTokenStore(app.partner_center_connection.key_vault, url, First(), app.clock)

    def check(self) -> None:
        """Read the secret; whether it may be written shows only then."""
        self._store.load()

    def keep(self, minted: Minted) -> str:
        """Store it as the secret's newest version."""
        self._store.sign_in(minted.refresh_token, minted.signed_in)
        return f"in the Key Vault {self._url}; the app uses it within the hour, without a restart"


class AppSettings:
    """The settings of a function app, by the Azure CLI."""

    def __init__(self, app: str, group: str) -> None:
        self._app = app
        self._group = group

    def check(self) -> None:
        """List the settings; one that is a reference is not overwritten by the value it refers to."""
        if not azure_cli.installed():
            raise SettingsError(
                f"{azure_cli.MISSING}. Or sign in with --local, copy {TOKEN} and {NOTE} as a JSON object to a machine "
                "that has az, and run there: az functionapp config appsettings set "
                f"--name {self._app} --resource-group {self._group or '<group>'} --settings @<file>"
            )
        self._group = azure_cli.group_of(self._app, self._group)
        present = azure_cli.app_settings(self._app, self._group).get(TOKEN, "")
        if present.startswith(REFERENCE):
            raise SettingsError(
                f"{TOKEN}: is a Key Vault reference in {self._app}. Set KEY_VAULT_URL there and sign in with --vault: "
                "then the app reads the token from the vault itself, and renews it there."
            )

    def keep(self, minted: Minted) -> str:
        """Set both settings at once, which restarts the app."""
        azure_cli.set_app_settings(self._app, self._group, _settings(minted))
        return f"in the settings of {self._app}, which restarts"


class LocalSettings:
    """local.settings.json; every other value, and every comment, stays as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    def check(self) -> None:
        """Try the change without writing it."""
        self._changed({TOKEN: "", NOTE: ""})
        if not os.access(self._path.parent, os.W_OK):
            raise SettingsError(f"{self._path.name}: its folder may not be written.")

    def keep(self, minted: Minted) -> str:
        """Replace the file by one that only its owner may read."""
        content = self._changed(_settings(minted))
        # mkstemp makes it with mode 0600; in the same folder, so that replacing is one step.
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=".local.settings.", suffix=".json")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(name).replace(self._path)
        except BaseException:  # Ctrl-C too: no half-written token stays behind, and whatever it was is raised again.
            Path(name).unlink(missing_ok=True)
            raise
        return f"in {self._path.name}, which only you may read"

    def _changed(self, values: Mapping[str, str]) -> bytes:
        try:
            text = self._path.read_bytes().decode("utf-8")
            return jsonc.with_values(text, values).encode("utf-8")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise SettingsError(f"{self._path.name}: cannot be changed: {why}.") from error


def _settings(minted: Minted) -> dict[str, str]:
    return {TOKEN: minted.refresh_token, NOTE: str(minted.signed_in)}
