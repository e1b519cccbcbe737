"""Which settings a command asks for: whoever releases held changes need not have Partner Center's secrets."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from shared.settings import Mistakes, Settings, load_settings

_NO_KEY = base64.urlsafe_b64encode(bytes(32)).decode()


@dataclass(frozen=True)
class Part:
    """A group of settings: how their names begin, and what stands in for them where they are not asked for."""

    names: tuple[str, ...]
    stand_ins: dict[str, str]

    def holds(self, name: str) -> bool:
        """Whether a setting belongs to this part; a name that ends in _ is the beginning of many."""
        return name in self.names or name.startswith(tuple(each for each in self.names if each.endswith("_")))


STORAGE = Part(("AzureWebJobsStorage", "AzureWebJobsStorage__"), {"AzureWebJobsStorage": "UseDevelopmentStorage=true"})
QUEUE = Part(("SYNC_QUEUE",), {"SYNC_QUEUE": "not-asked-for"})
SCHEDULES = Part(
    ("CRM_POLL_SCHEDULE", "RECONCILE_SCHEDULE"),
    dict.fromkeys(("CRM_POLL_SCHEDULE", "RECONCILE_SCHEDULE"), "0 0 0 1 1 *"),
)
PARTNER_CENTER = Part(
    ("PARTNER_CENTER_", "ENTRA_AUTHORITY"),
    {
        "PARTNER_CENTER_TENANT_ID": "not-asked-for.invalid",
        "PARTNER_CENTER_CLIENT_ID": "not-asked-for",
        "PARTNER_CENTER_CLIENT_SECRET": "not-asked-for",
        "PARTNER_CENTER_REFRESH_TOKEN": "not-asked-for",
    },
)
KEEPING = Part(("TOKEN_ENCRYPTION_KEY", "KEY_VAULT_URL"), {"TOKEN_ENCRYPTION_KEY": _NO_KEY})
WEBHOOK = Part(("WEBHOOK_",), {})
CRM = Part(
    ("CRM", "DYNAMICS_", "SALESFORCE_", "MAPPING_DIR"),
    {"CRM": "dynamics365", "DYNAMICS_URL": "https://not-asked-for.invalid"},
)
CHAT = Part(("ALERT_WEBHOOK_URL", "MESSAGE_LANGUAGE"), {})
SYNC = Part(("CLOSE_DELAY_MINUTES", "MASS_CHANGE_", "SYNC_SLOTS", "CRM_AUDIT", "DRY_RUN"), {})
PARTS = (STORAGE, QUEUE, SCHEDULES, PARTNER_CENTER, KEEPING, WEBHOOK, CRM, CHAT, SYNC)


def settings_for(environment: Mapping[str, str], *asked: Part) -> Settings:
    """Return the settings. Only what is wrong in the parts that are `asked` for is told; the others are optional.

    A part that is not asked for and holds a mistake is replaced by stand-ins as a whole. Raises SettingsError.
    """
    try:
        return load_settings(environment)
    except Mistakes as error:
        wrong = [mistake.name for mistake in error.mistakes]
    given = dict(environment)
    for part in PARTS:
        if part not in asked and any(part.holds(name) for name in wrong):
            given = {name: value for name, value in given.items() if not part.holds(name)} | part.stand_ins
    return load_settings(given)
