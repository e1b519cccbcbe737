"""The files that are made: README's table, the sample, Bicep and its parameters from the settings; the workbook.

In README and main.bicep only what stands between the two markers is made; the rest is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from shared.settings.declaration import declared
from shared.settings.model import Azure, Setting
from tools.admin.workbook import workbook

ROOT = Path(__file__).resolve().parents[2]

ALWAYS_SECRET = "PARTNER_CENTER_CLIENT_SECRET"
"""What nearly every installation keeps in the vault; a certificate may stand in for it."""


def secret_names() -> str:
    """Return the secrets that an installation begins with, for the parameter vaultSecrets."""
    required = (each.name for each in settings() if each.secret and each.required)
    return ",".join([ALWAYS_SECRET, *required])


def platform() -> dict[str, str]:
    """Return the parameters of main.bicep that are no app settings, and the azd variables they come from."""
    return {**PLATFORM, "vaultSecrets": f"${{VAULT_SECRETS={secret_names()}}}"}


PLATFORM = {
    "environmentName": "${AZURE_ENV_NAME}",
    "location": "${AZURE_LOCATION}",
    "adminPrincipalId": "${AZURE_PRINCIPAL_ID}",
    "pythonVersion": "${PYTHON_VERSION=3.13}",
    "pages": "${PAGES=off}",
    "signInClientId": "${SIGN_IN_CLIENT_ID}",
    "alertEmail": "${ALERT_EMAIL}",
    "subnetId": "${SUBNET_ID}",
    "deployFrom": "${DEPLOY_FROM}",
}


@dataclass(frozen=True)
class Made:
    """One file, and how its content follows from what it is now."""

    path: str
    renew: Callable[[str], str]

    def is_current(self, root: Path = ROOT) -> bool:
        """Whether the file says what the declaration says."""
        content = _read(root / self.path)
        return content == self.renew(content)

    def write(self, root: Path = ROOT) -> None:
        """Renew the file."""
        file = root / self.path
        file.write_text(self.renew(_read(file)), encoding="utf-8")


def settings() -> tuple[Setting, ...]:
    """Return every declared setting."""
    return tuple(declared().values())


def parameter(setting: Setting) -> str:
    """Return the setting's name as a Bicep parameter: CRM_AUDIT is crmAudit."""
    head, *rest = setting.name.casefold().split("_")
    return head + "".join(part.capitalize() for part in rest)


def with_parameter() -> tuple[Setting, ...]:
    """Return the settings that are parameters of main.bicep."""
    return tuple(each for each in settings() if each.wiring is Azure.PARAMETER)


def readme_table() -> str:
    """Return the table of settings, a part for each group."""
    return "\n".join(_groups())


def _groups() -> Iterator[str]:
    for group, members in groupby(settings(), lambda each: each.group):
        yield f"\n**{group}**\n\n| Setting | Needed | Meaning |\n|---|---|---|"
        for each in members:
            yield f"| `{each.name}` | {_need(each)} | {each.meaning}. {_extras(each)}".rstrip() + " |"
    yield ""


def _need(setting: Setting) -> str:
    if setting.starts or setting.required:
        return "yes"
    return f"default `{setting.default}`" if setting.default else setting.needed or "no"


def _extras(setting: Setting) -> str:
    if setting.starts:
        return f"Set it to `{setting.default}`; without it Azure does not start {setting.starts}."
    shown = "" if setting.default or setting.secret else setting.example
    return f"Example: `{shown}`." if shown else ""


def sample() -> str:
    """Return local.settings.sample.json."""
    parts = []
    for _, members in groupby(settings(), lambda each: each.group):
        lines = [f'    "{each.name}": {json.dumps(each.sample)}' for each in members if each.sample is not None]
        parts.append(",\n".join(lines))
    values = ",\n\n".join(part for part in parts if part)
    worker = '    "FUNCTIONS_WORKER_RUNTIME": "python",\n'
    return '{\n  "IsEncrypted": false,\n  "Values": {\n' + worker + values + "\n  }\n}\n"


def bicep() -> str:
    """Return the parameters of main.bicep, and the variable that holds the app settings they become."""
    lines = [line for each in with_parameter() for line in _parameter(each)]
    lines += ["var declaredSettings = {", *(f"  {each.name}: {parameter(each)}" for each in with_parameter()), "}"]
    secrets = [f"  '{each.name}'" for each in settings() if each.wiring is Azure.VAULT]
    kept = [f"  '{each.name}'" for each in with_parameter() if each.none_when_empty]
    lines += ["", "var secretSettings = [", *secrets, "]"]
    return "\n".join([*lines, "", "var keptWhenEmpty = [", *kept, "]", ""])


def _parameter(setting: Setting) -> Iterator[str]:
    yield f"@description('{_quoted(f'{setting.name}. {setting.meaning}.')}')"
    if setting.kind.choices:
        yield f"@allowed([{', '.join(repr(choice) for choice in setting.kind.choices)}])"
    default = setting.in_azure or setting.default
    given = "" if setting.required and not default else f" = '{_quoted(default)}'"
    yield f"param {parameter(setting)} string{given}"
    yield ""


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${")


def parameters() -> str:
    """Return main.parameters.json: where azd finds each parameter's value."""
    values = {**platform(), **{parameter(each): _variable(each) for each in with_parameter()}}
    content = {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"value": value} for name, value in values.items()},
    }
    return json.dumps(content, indent=2) + "\n"


def _variable(setting: Setting) -> str:
    default = setting.in_azure or setting.default
    return f"${{{setting.name}={default}}}" if default else f"${{{setting.name}}}"


def between(opening: str, closing: str, made: Callable[[], str]) -> Callable[[str], str]:
    """Return what renews the lines between two markers. Raises ValueError when a file lacks them."""
    pattern = re.compile(f"(?<={re.escape(opening)}\n).*?(?=^[ ]*{re.escape(closing)})", re.DOTALL | re.MULTILINE)

    def renew(content: str) -> str:
        renewed, count = pattern.subn(lambda _: made(), content)
        if count != 1:
            raise ValueError(f"{opening!r} and {closing!r} must be there once")
        return renewed

    return renew


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


MADE = (
    Made(
        "README.md",
        between("<!-- settings: made by `cosell.py settings --write` -->", "<!-- /settings -->", readme_table),
    ),
    Made("local.settings.sample.json", lambda _: sample()),
    Made("infra/main.bicep", between("// settings: made by `cosell.py settings --write`", "// /settings", bicep)),
    Made("infra/main.parameters.json", lambda _: parameters()),
    Made("infra/workbook.json", lambda _: workbook()),
)
