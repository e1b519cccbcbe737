"""Key Vault references in a function app's settings, followed as the operator: elsewhere only Azure resolves them.

Source: app-service/app-service-key-vault-references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared.clock import SystemClock
from shared.errors import CosellError, SettingsError
from shared.http import RequestsTransport, Service, Terms
from shared.identity import AzureTokens
from shared.partner_center import key_vault
from tools.admin.operator import Operator

_REFERENCE = re.compile(r"@Microsoft\.KeyVault\((.*)\)")


def resolved(values: Mapping[str, str]) -> dict[str, str]:
    """Return the settings with references replaced by what they refer to.

    Raises SettingsError naming every reference that the operator may not follow, or that is malformed.
    """
    if not any(_REFERENCE.fullmatch(value.strip()) for value in values.values()):
        return dict(values)
    clock = SystemClock()
    tokens = AzureTokens(key_vault.SCOPE, Operator())
    service = Service(Terms("Key Vault", tokens, key_vault.classifier(clock)), RequestsTransport(), clock)
    found, problems = {}, []
    for name, value in values.items():
        try:
            found[name] = _value(service, value)
        except CosellError as error:
            problems.append(f"{name}: is a Key Vault reference that you cannot follow ({error}).")
    if problems:
        role = "You need the role Key Vault Secrets User on that vault, and a sign-in by `az login`."
        raise SettingsError("\n- ".join([f"{len(problems)} app settings to correct:", *problems, role]))
    return found


def _value(service: Service, value: str) -> str:
    reference = _REFERENCE.fullmatch(value.strip())
    if reference is None:
        return value
    content = service.call("GET", f"{_address(reference[1])}?api-version={key_vault.API_VERSION}").json()
    return str(content["value"]) if isinstance(content, dict) else ""


def _address(told: str) -> str:
    """Return the secret's URL, from either of the two forms of a reference."""
    parts = {
        name.strip().casefold(): value.strip() for name, _, value in (each.partition("=") for each in told.split(";"))
    }
    if "secreturi" in parts:
        return parts["secreturi"].rstrip("/")
    if not {"vaultname", "secretname"} <= parts.keys():
        raise SettingsError("it names neither SecretUri nor VaultName and SecretName")
    version = f"/{parts['secretversion']}" if parts.get("secretversion") else ""
    return f"https://{parts['vaultname']}.vault.azure.net/secrets/{parts['secretname']}{version}"
