"""Which CRMs a command may speak of."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from shared.bootstrap import App
from shared.errors import SettingsError
from shared.settings import CRM_NAMES, load_settings

KNOWN = CRM_NAMES
"""Every CRM that there can be."""


def hush() -> None:
    """Keep the vendors' libraries from printing their own words above our message, which has the remedy."""
    for chatty in ("azure", "msal", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def app_for(crms: Iterable[str]) -> App:
    """Return the app that can ask these CRMs. Raises SettingsError when it is not configured for one of them."""
    hush()
    settings = load_settings()
    if absent := [crm for crm in crms if crm not in settings.crms]:
        raise SettingsError(f"CRM: does not name {', '.join(absent)}, and only the CRMs that it names can be asked.")
    return App(settings)
