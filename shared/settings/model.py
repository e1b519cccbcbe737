"""What is said about a setting, in one place; README, the sample file, Bicep and messages are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from shared.settings.kinds import Kind


class Group(StrEnum):
    """What a setting is about: the headings of README's table, in their order."""

    STORAGE = "Storage and identity"
    SYNC = "What is synchronized, and when"
    PARTNER_CENTER = "Partner Center"
    WEBHOOK = "The webhook"
    DYNAMICS365 = "Dynamics 365"
    SALESFORCE = "Salesforce"


class Azure(Enum):
    """How infra/main.bicep sets it. A secret is never a parameter."""

    PARAMETER = "a parameter"
    VAULT = "a reference to a secret of the key vault, where the parameter vaultSecrets names it"
    COMPUTED = "taken from a resource that Bicep makes"
    LEFT_OUT = "not set: it has no place in that installation"


@dataclass(frozen=True)
class Setting:
    """One app setting. `default` and `example` are texts as they stand in the environment.

    `meaning` completes "NAME is ..." in README. `starts` names a function whose function.json holds %NAME%: the
    Functions host resolves it from the app settings alone, so no default of ours reaches it.
    """

    name: str
    kind: Kind
    group: Group
    meaning: str
    default: str = ""
    example: str = ""
    none_when_empty: bool = False
    """Of a list: an empty value is an empty list, not the default."""
    secret: bool = False
    required: bool = False
    needed: str = ""
    """When it is needed, where that hangs on other settings (rules.py)."""
    starts: str = ""
    sample: str | None = None
    """What local.settings.sample.json says; None when it is not in the sample."""
    azure: Azure = Azure.PARAMETER
    in_azure: str = ""
    """What Bicep proposes instead of `default`."""

    @property
    def wiring(self) -> Azure:
        """How infra/main.bicep sets it."""
        return Azure.VAULT if self.secret and self.azure is Azure.PARAMETER else self.azure

    @property
    def such_as(self) -> str:
        """The example as the end of a rule; empty for a secret and for a closed set of words."""
        return f", such as {self._shown}" if self._shown else ""

    @property
    def for_example(self) -> str:
        """The example as a sentence's second half."""
        return f"; for example {self._shown}" if self._shown else ""

    @property
    def _shown(self) -> str:
        return "" if self.secret or self.kind.choices else self.example or self.default
