"""What must hold between settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.settings.declaration import declared
from shared.settings.kinds import CRM_NAMES, words
from shared.urls import receiver_url_problems

Problem = tuple[str, str]
"""The setting's name, and what is wrong with it."""


def named_crms(given: Mapping[str, str]) -> tuple[str, ...]:
    """Return the CRMs that the setting CRM names; a wrong name is one mistake, and hides no other."""
    named = {name.casefold() for name in words(given.get("CRM", ""))}
    return tuple(crm for crm in CRM_NAMES if crm in named)


def rules(given: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong between the settings that are given."""
    yield from _storage(given)
    yield from _partner_center(given)
    crms = named_crms(given)
    if "dynamics365" in crms:
        yield from _dynamics(given)
    if "salesforce" in crms:
        yield from _salesforce(given)
    yield from _registration(given)


def _storage(given: Mapping[str, str]) -> Iterator[Problem]:
    storage = ("AzureWebJobsStorage", "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__tableServiceUri")
    if not any(name in given for name in storage):
        yield "AzureWebJobsStorage", "is not set, nor AzureWebJobsStorage__accountName for an identity"
    if "AzureWebJobsStorage__tableServiceUri" in given and "AzureWebJobsStorage__queueServiceUri" not in given:
        yield "AzureWebJobsStorage__queueServiceUri", "is not set, but AzureWebJobsStorage__tableServiceUri is"


def _partner_center(given: Mapping[str, str]) -> Iterator[Problem]:
    if not {"PARTNER_CENTER_CLIENT_SECRET", "PARTNER_CENTER_CLIENT_CERTIFICATE"} & given.keys():
        yield "PARTNER_CENTER_CLIENT_SECRET", "is not set, nor PARTNER_CENTER_CLIENT_CERTIFICATE"
    if not {"TOKEN_ENCRYPTION_KEY", "KEY_VAULT_URL"} & given.keys():
        yield "TOKEN_ENCRYPTION_KEY", "is not set, nor KEY_VAULT_URL; rotated refresh tokens need a safe place"


def _dynamics(given: Mapping[str, str]) -> Iterator[Problem]:
    if "DYNAMICS_URL" not in given:
        yield "DYNAMICS_URL", f"is not set, but CRM names dynamics365{_example('DYNAMICS_URL')}"
    registration = ("DYNAMICS_TENANT_ID", "DYNAMICS_CLIENT_ID", "DYNAMICS_CLIENT_SECRET")
    absent = [name for name in registration if name not in given]
    if len(absent) < len(registration):
        for name in absent:
            yield name, "is not set; set all three, or none for the managed identity"


def _salesforce(given: Mapping[str, str]) -> Iterator[Problem]:
    for name in ("SALESFORCE_URL", "SALESFORCE_CLIENT_ID"):
        if name not in given:
            yield name, f"is not set, but CRM names salesforce{_example(name)}"
    key = ("SALESFORCE_USERNAME", "SALESFORCE_PRIVATE_KEY")
    present = [name for name in key if name in given]
    if "SALESFORCE_CLIENT_SECRET" in given:
        for name in present:
            yield name, "is set beside SALESFORCE_CLIENT_SECRET; sign in one way only"
    elif not present:
        yield "SALESFORCE_CLIENT_SECRET", "is not set, nor SALESFORCE_USERNAME with SALESFORCE_PRIVATE_KEY"
    elif len(present) < len(key):
        for name in key:
            if name not in given:
                yield name, f"is not set, but {present[0]} is"
    if _percent(given, "SALESFORCE_API_SLOW_AT") >= _percent(given, "SALESFORCE_API_STOP_AT"):
        yield "SALESFORCE_API_SLOW_AT", "must be below SALESFORCE_API_STOP_AT"


def _registration(given: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what keeps the watchdog from registering, where that is asked for."""
    if given.get("WEBHOOK_REGISTRATION", "").casefold() != "keep":
        return
    if "WEBHOOK_PUBLIC_URL" not in given:
        yield "WEBHOOK_PUBLIC_URL", "is not set, but WEBHOOK_REGISTRATION is keep"
        return
    for problem in receiver_url_problems(given["WEBHOOK_PUBLIC_URL"]):
        yield "WEBHOOK_PUBLIC_URL", problem.removesuffix(".")


def _example(name: str) -> str:
    return next(setting.for_example for setting in declared().values() if setting.name == name)


def _percent(given: Mapping[str, str], name: str) -> float:
    """Return a share; one that is no number is a mistake, and compares with nothing."""
    default = next(setting.default for setting in declared().values() if setting.name == name)
    try:
        return float(given.get(name, default))
    except ValueError:
        return float("nan")
