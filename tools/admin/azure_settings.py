"""A machine's settings as Azure takes them: `az functionapp config appsettings set`."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.settings.declaration import declared
from shared.settings.loading import REFERENCE, is_placeholder
from shared.settings.model import Setting

ONLY_HERE = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}
"""What a machine needs and a function app must not be given: Flex Consumption refuses the one and brings the other."""


@dataclass(frozen=True)
class ForAzure:
    """Settings to send, and what was left out, with the reason."""

    values: Mapping[str, str]
    left_out: Mapping[str, str]


def for_azure(given: Mapping[str, str], *, with_secrets: bool) -> ForAzure:
    """Return the settings that a function app is to be given. Secrets only when asked for; references are none."""
    known = {setting.name: setting for setting in declared().values()}
    values, left_out = {}, {}
    for name, value in given.items():
        if reason := _reason(name, value, known, with_secrets=with_secrets):
            left_out[name] = reason
        elif value.strip() or known[name].none_when_empty:
            values[name] = value
    return ForAzure(values, left_out)


def _reason(name: str, value: str, known: Mapping[str, Setting], *, with_secrets: bool) -> str:
    if name in ONLY_HERE:
        return "is for this machine only"
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        return "is no setting of this app" + (f"; do you mean {near[0]}?" if near else "")
    if is_placeholder(known[name], value):
        return "still holds the sample's placeholder"
    secret = known[name].secret and value.strip() and not value.startswith(REFERENCE)
    if secret and not with_secrets:
        return "is a secret: keep it in a key vault and give its reference, or use --with-secrets"
    return ""


def as_json(values: Mapping[str, str]) -> str:
    """Return the array that `az functionapp config appsettings set --settings @FILE` reads."""
    return json.dumps(
        [{"name": name, "value": value, "slotSetting": False} for name, value in values.items()], indent=2
    )


def as_command(values: Mapping[str, str]) -> str:
    """Return the command itself, for a shell."""
    lines = ["az functionapp config appsettings set --name <app> --resource-group <group> --settings"]
    return " \\\n  ".join([*lines, *(shlex.quote(f"{name}={value}") for name, value in values.items())])


def listed(settings: Iterable[Setting]) -> str:
    """Return the declaration as JSON."""
    return json.dumps([_listed(each) for each in settings], indent=2, ensure_ascii=False)


def _listed(setting: Setting) -> dict[str, object]:
    return {
        "name": setting.name,
        "group": setting.group.value,
        "meaning": setting.meaning,
        "rule": setting.kind.rule,
        "choices": list(setting.kind.choices),
        "default": setting.default,
        "example": setting.example,
        "secret": setting.secret,
        "required": setting.required or bool(setting.starts),
        "starts": setting.starts,
        "azure": setting.wiring.name.casefold(),
    }
