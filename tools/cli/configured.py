"""Which CRMs a command may speak of."""

from __future__ import annotations

import os
from collections.abc import Iterable

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
