"""What the fake Partner Center takes of a deal registration, as far as the app can meet it (reference, section 3.2)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from shared.errors import DataError
from shared.partner_center.targets import field_at
from shared.problems import problem

Body = dict[str, Any]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_CONTRACT = ("value", "currency", "startDateTime", "signDateTime", "term")
_SOLUTION = ("id", "value", "currency", "isDeployedOnAzure", "primaryDeploymentOn", "pricingModel")
_REPLACED = re.compile(
    r"/registrations/0/(contract/(startDateTime|endDateTime|signDateTime|term|value)"
    r"|solutionDetails/0/(value|currency|isDeployedOnAzure|primaryDeploymentOn|pricingModel"
    r"|marketplaceTransactionDetails/(isMarketplaceTransacted|marketplaceTransactionDateTime)))"
)


def refuse(target: str, rule: str) -> DataError:
    """Return the error that the client makes of Partner Center's 400."""
    return DataError(problem("partner_center.refused", field_at(target), message=rule))


def registered(row: Body, operations: Iterable[Mapping[str, object]]) -> Body:
    """Return the row of a win after its registration, or a correction of it. Raises DataError."""
    changed = {**row, "registrations": [dict(each) for each in row.get("registrations") or ()]}
    for each in operations:
        path, value = str(each["path"]), each["value"]
        if path == "/registrations/-":
            if changed["registrations"]:
                raise refuse("registrations", "the deal is registered already.")
            assert isinstance(value, dict)
            changed["registrations"].append({**value, "id": str(uuid.UUID(int=1))})
        elif each["op"] == "replace" and changed["registrations"] and _REPLACED.fullmatch(path):
            _replace(changed["registrations"][0], path.split("/")[3:], value)
        else:
            raise refuse(path, "cannot be patched.")
    _check(changed["registrations"][0])
    changed["registrations"][0] |= {"status": "ReviewPending", "statusReason": None}
    return changed | {"registrationStatus": "ReviewPending"}


def _replace(holder: Any, parts: list[str], value: object) -> None:
    for part in parts[:-1]:
        holder = holder[int(part)] if part.isdecimal() else holder[part]
    holder[parts[-1]] = value


def _check(form: Body) -> None:
    if form["type"] != "AzureIPCoSell":
        raise refuse("registrations/type", "is not one of AzureIPCoSell.")
    contract, (solution,) = form["contract"], form["solutionDetails"]
    needed = {f"contract/{name}": contract.get(name) for name in _CONTRACT}
    needed |= {f"solutionDetails/0/{name}": solution.get(name) for name in _SOLUTION}
    market = solution.get("marketplaceTransactionDetails") or {}
    needed["solutionDetails/0/marketplaceTransactionDetails"] = market.get("isMarketplaceTransacted")
    if contract.get("term") == "Finite":
        needed["contract/endDateTime"] = contract.get("endDateTime")
    for place, value in needed.items():
        if value is None:
            raise refuse(f"registrations/{place}", "is required.")
    for name in (each for each in contract if each.endswith("DateTime")):
        if not _DAY.fullmatch(contract[name]):
            raise refuse(f"registrations/contract/{name}", "must be an ISO 8601 date-time.")
    if contract["term"] not in ("Perpetual", "Finite"):
        raise refuse("registrations/contract/term", "is not one of Finite, Perpetual.")
