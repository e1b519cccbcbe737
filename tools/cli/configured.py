"""Which CRMs and which mapping a command speaks of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from shared.errors import SettingsError
from shared.settings import CRM_NAMES
from tools.admin.asked import Part, settings_for
from tools.admin.operator import OperatorApp
from tools.admin.storage import check_storage

KNOWN = CRM_NAMES
"""Every CRM that there can be."""


def app_for(crms: Iterable[str], *parts: Part) -> OperatorApp:
    """Return the app that can ask these CRMs, for which these parts of the settings are asked for.

    Raises SettingsError when they are wrong, or the app is not configured for one of the CRMs.
    """
    settings = settings_for(os.environ, *parts)
    if absent := [crm for crm in crms if crm not in settings.crms]:
        raise SettingsError(f"CRM: {', '.join(absent)} is not in this setting.")
    return OperatorApp(settings)


def app_with_ledger(crms: Iterable[str], *parts: Part) -> OperatorApp:
    """Return the same, for a command that cannot do without the ledger. Raises SettingsError."""
    app = app_for(crms, *parts)
    check_storage(app)
    return app


def use_mapping(folder: Path | None) -> None:
    """Let a command read its mapping files from the caller's folder of --mapping, when there is one.

    Raises SettingsError when it is no folder.
    """
    if folder is None:
        return
    if not folder.is_dir():
        raise SettingsError(f"--mapping: {folder} is not a folder.")
    os.environ["MAPPING_DIR"] = str(folder.resolve())  # a relative one would start at the app's
