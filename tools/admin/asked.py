"""Which settings a command asks for: whoever creates columns in a CRM need not have Partner Center's."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from shared.settings import Mistakes, Settings, load_settings
from shared.settings.declaration import declared

_NO_KEY = base64.urlsafe_b64encode(bytes(32)).decode()


@dataclass(frozen=True)
class Part:
    """A group of settings: how their names begin, and what stands in for them where they are not asked for."""

    names: tuple[str, ...]
    stand_ins: dict[str, str]

    def holds(self, name: str) -> bool:
        """Whether a setting belongs to this part; a name that ends in _ is the beginning of many."""
        return name in self.names or name.startswith(tuple(each for each in self.names if each.endswith("_")))


STORAGE = Part(("AzureWebJobsStorage", "AzureWebJobsStorage_"), {"AzureWebJobsStorage": "UseDevelopmentStorage=true"})
PARTNER_CENTER = Part(
    ("PARTNER_CENTER_",),
    dict.fromkeys(
        ("PARTNER_CENTER_TENANT_ID", "PARTNER_CENTER_CLIENT_ID", "PARTNER_CENTER_CLIENT_SECRET"),
        "not-asked-for.invalid",
    ),
)
KEEPING = Part(("TOKEN_ENCRYPTION_KEY", "KEY_VAULT_URL"), {"TOKEN_ENCRYPTION_KEY": _NO_KEY})
WEBHOOK = Part(("WEBHOOK_",), {})
CRM = Part(
    ("CRM", "DYNAMICS_", "SALESFORCE_", "MAPPING_DIR"),
    {"CRM": "dynamics365", "DYNAMICS_URL": "https://not-asked-for.invalid"},
)
_QUEUE = next(each for each in declared().values() if each.name == "SYNC_QUEUE")
QUEUE = Part((_QUEUE.name,), {_QUEUE.name: _QUEUE.default})
CHAT = Part(("ALERT_", "DIGEST_HOUR"), {})
_NAMED = (CHAT, STORAGE, QUEUE, PARTNER_CENTER, KEEPING, WEBHOOK, CRM)
_HOSTS = [each for each in declared().values() if each.starts and not QUEUE.holds(each.name)]
HOST = Part(tuple(each.name for each in _HOSTS), {each.name: each.default for each in _HOSTS})
_EVERYBODYS = ("ENTRA_AUTHORITY", "AZURE_CLIENT_ID")
OTHER = Part(
    tuple(
        each.name
        for each in declared().values()
        if each.name not in _EVERYBODYS and not any(part.holds(each.name) for part in (*_NAMED, HOST))
    ),
    {},
)
PARTS = (*_NAMED, HOST, OTHER)


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
