"""The environment's texts into one frozen object, with every mistake reported at once, by name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import SettingsError
from shared.settings.declaration import Settings, declared
from shared.settings.model import Group, Setting
from shared.settings.rules import named_crms, rules

REFERENCE = "@Microsoft.KeyVault("
"""What Azure leaves in the environment of a reference it cannot resolve (app-service-key-vault-references)."""

_UNRESOLVED = (
    "is a Key Vault reference that was not resolved. In Azure, give the app's identity the role Key Vault Secrets User "
    "on that vault, and look at the setting's status in the portal; on this machine, set the value itself"
)
_PLACEHOLDER = re.compile(r"<[A-Za-z][A-Za-z ._-]*>", re.ASCII)
_OF_ONE_CRM = {Group.DYNAMICS365: "dynamics365", Group.SALESFORCE: "salesforce"}


@dataclass(frozen=True)
class Mistake:
    """One setting and what is wrong with it; never holds its value."""

    name: str
    text: str

    def __str__(self) -> str:
        """The line as it is shown."""
        return f"{self.name}: {self.text}."


class Mistakes(SettingsError):
    """App settings that are missing or malformed, every one of them."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = mistakes
        count = f"{len(mistakes)} app setting{'s' if len(mistakes) != 1 else ''} to correct"
        where = "in Azure among the function app's environment variables, on this machine in local.settings.json"
        super().__init__("\n- ".join([f"{count}, {where}:", *map(str, mistakes)]))


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    An empty value counts as not set: that is how an unfilled line of the portal arrives. Only a list whose setting says
    so (`none_when_empty`) is empty then. Not set is also a placeholder of the sample in the settings of a
    CRM that is not used. Raises Mistakes when a setting is wrong.
    """
    given = _given(os.environ if environment is None else environment)
    values: dict[str, Any] = {}
    mistakes = []
    for field, setting in declared().items():
        try:
            values[field] = _value(setting, given)
        except _WrongError as error:
            mistakes.append(Mistake(setting.name, str(error)))
    known_wrong = {each.name for each in mistakes}
    mistakes += [Mistake(name, text) for name, text in rules(given) if name not in known_wrong]
    if mistakes:
        raise Mistakes(tuple(mistakes))
    return Settings(**values)


class _WrongError(Exception):
    """Why a value is wrong, in words that follow the setting's name."""


def _given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what is set, by the names that are declared."""
    names = {setting.name: setting for setting in declared().values()}
    used = named_crms(environment)
    return {
        name: value.strip()
        for name, value in environment.items()
        if name in names
        and (value.strip() or names[name].none_when_empty)
        and not _left_from_sample(names[name], value, used)
    }


def _left_from_sample(setting: Setting, value: str, used: tuple[str, ...]) -> bool:
    """Whether a value is a placeholder for a CRM that nobody uses."""
    crm = _OF_ONE_CRM.get(setting.group)
    return crm is not None and crm not in used and is_placeholder(setting, value)


def is_placeholder(setting: Setting, value: str) -> bool:
    """Whether a value is what the sample holds in the place of one's own, such as `<org>`."""
    return not setting.secret and _PLACEHOLDER.search(value) is not None


def _value(setting: Setting, given: Mapping[str, str]) -> Any:
    """Return the value, its default, or None. Raises _WrongError."""
    text = given.get(setting.name)
    if text is None:
        if setting.starts:
            raise _WrongError(
                f"is not set. The Functions host reads it itself and does not start {setting.starts} without it; set "
                f"it to {setting.default}"
            )
        if setting.required:
            raise _WrongError(f"is not set{setting.for_example}")
        text = setting.default
        if not text:
            return None
    if not text:
        return ()
    if text.startswith(REFERENCE):
        raise _WrongError(_UNRESOLVED)
    if is_placeholder(setting, text):
        raise _WrongError(f"still holds the sample's placeholder; put your own value there{setting.such_as}")
    try:
        return setting.kind.parse(text)
    except ValueError:
        pass  # The error would carry the value on.
    raise _WrongError(setting.kind.rule + setting.such_as)
