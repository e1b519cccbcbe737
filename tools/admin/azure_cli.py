"""The Azure CLI (`az`), under the sign-in of whoever runs the command. No secret is ever an argument."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shared.errors import AccessDenied, SettingsError

MISSING = "the Azure CLI (az) is not on PATH. Install it (https://aka.ms/installazurecli), and sign in with `az login`"
_TIMEOUT = 120


def installed() -> bool:
    """Whether az is on PATH."""
    return shutil.which("az") is not None


def find() -> str:
    """Return az's path. Raises SettingsError when it is not installed."""
    found = shutil.which("az")
    if found is None:
        raise SettingsError(f"{MISSING}.")
    return found


def run(*arguments: str) -> object:
    """Run az and return the JSON that it prints, or None. Raises SettingsError, AccessDenied when it fails."""
    command = [find(), *arguments, "--only-show-errors", "--output", "json"]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise AccessDenied(f"`az {' '.join(arguments[:4])}` did not answer within {_TIMEOUT} s") from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1][:300]
        raise AccessDenied(f"`az {' '.join(arguments[:4])}` failed: {reason}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def group_of(app: str, group: str) -> str:
    """Return the resource group of a function app: the one given, or the one in which az finds it."""
    if group:
        return group
    rows = run("resource", "list", "--name", app, "--resource-type", "Microsoft.Web/sites")
    groups = [str(row["resourceGroup"]) for row in rows] if isinstance(rows, list) else []
    if len(groups) != 1:
        what = "finds no function app" if not groups else "finds several function apps"
        raise SettingsError(f"az {what} named {app} in its present subscription; name --resource-group.")
    return groups[0]


def app_settings(app: str, group: str) -> dict[str, str]:
    """Return a function app's settings, as they are stored there."""
    rows = run("functionapp", "config", "appsettings", "list", "--name", app, "--resource-group", group_of(app, group))
    if not isinstance(rows, list):
        raise AccessDenied(f"az lists no settings of {app}")
    return {str(row["name"]): str(row["value"]) for row in rows if row.get("value") is not None}


def set_app_settings(app: str, group: str, values: Mapping[str, str]) -> None:
    """Set some of a function app's settings. They travel in a file that only this user can read, for that moment."""
    where = group_of(app, group)
    with tempfile.TemporaryDirectory(prefix="cosell-") as folder:  # made with mode 0700
        path = Path(folder) / "settings.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(dict(values), file)
        target = ("--name", app, "--resource-group", where)
        run("functionapp", "config", "appsettings", "set", *target, "--settings", f"@{path}")
