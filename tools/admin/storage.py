"""The app's storage as a tool meets it: an emulator need not run here, and then nothing is looked up in it."""

from __future__ import annotations

import socket

from shared.bootstrap import App
from shared.errors import SettingsError

DEVELOPMENT = "UseDevelopmentStorage=true"
_TABLE_PORT = 10002

NO_EMULATOR = (
    "AzureWebJobsStorage is UseDevelopmentStorage=true, and no storage emulator runs here (`cosell.py host` starts one "
    "of its own, on other ports)"
)


def check_storage(app: App) -> None:
    """Raise SettingsError when the app's storage is an emulator that does not run."""
    if is_emulator(app) and not emulator_runs():
        raise SettingsError(f"{NO_EMULATOR}. Take the app's own settings: --from-app NAME or --settings FILE.")


def is_emulator(app: App) -> bool:
    """Whether the storage is this machine's emulator."""
    return app.settings.storage == DEVELOPMENT


def emulator_runs() -> bool:
    """Whether something listens where the storage emulator keeps tables."""
    try:
        with socket.create_connection(("127.0.0.1", _TABLE_PORT), timeout=2):
            return True
    except OSError:
        return False
