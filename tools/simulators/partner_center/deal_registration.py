"""The registration of a won deal: what a closed referral still takes.

Sources: the connector's swagger (operations, members, enums, what may be replaced), register-deals (a win of at least
USD 25,000, at least 72 hours after the deal was created). That the form must be complete, that there is one of them,
and that a corrected one is reviewed again, nobody documents: the quirks switch it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tools.simulators.partner_center.errors import ApiError, invalid
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.schema import (
    AMOUNT,
    CURRENCY,
    FLAG,
    MOMENT,
    TEXT,
    Document,
    Schema,
    conform,
    one_of,
)

APPEND = "/registrations/-"
STATES = frozenset({"ReviewPending", "ActionRequired", "Approved", "Passed", "Failed", "Closed"})
SETTLED_FOR = timedelta(hours=72)
LEAST = 25_000

_TYPES = frozenset({"AzureIPCoSell"})
_CONTRACT: Schema = {
    "value": AMOUNT,
    "currency": CURRENCY,
    "startDateTime": MOMENT,
    "endDateTime": MOMENT,
    "signDateTime": MOMENT,
    "term": one_of(frozenset({"Perpetual", "Finite"})),
}
_SOLUTION: Schema = {
    "id": TEXT,
    "name": TEXT,
    "value": AMOUNT,
    "currency": CURRENCY,
    "isDeployedOnAzure": FLAG,
    "primaryDeploymentOn": one_of(frozenset({"Customer", "Partner"})),
    "pricingModel": one_of(frozenset({"PayAsYouGo", "Other"})),
    "marketplaceTransactionDetails": {"isMarketplaceTransacted": FLAG, "marketplaceTransactionDateTime": MOMENT},
}
_FORM: Schema = {"type": one_of(_TYPES), "contract": _CONTRACT, "solutionDetails": [_SOLUTION]}
_REPLACED = frozenset(
    {
        *(f"contract/{name}" for name in ("startDateTime", "endDateTime", "signDateTime", "term", "value")),
        *(f"solutionDetails/0/{name}" for name in ("value", "currency", "isDeployedOnAzure", "primaryDeploymentOn")),
        "solutionDetails/0/pricingModel",
        "solutionDetails/0/marketplaceTransactionDetails/isMarketplaceTransacted",
        "solutionDetails/0/marketplaceTransactionDetails/marketplaceTransactionDateTime",
    }
)
_OPTIONAL = ("name", "endDateTime", "marketplaceTransactionDateTime")


def register_deals(row: Document, steps: Sequence[tuple[str, str, Any]], quirks: Quirks, now: datetime) -> None:
    """Apply operations to a closed referral, which takes nothing but the registration of a won deal."""
    if row["substatus"] != "Won" or any(not path.startswith("/registrations/") for path, _, _ in steps):
        raise ApiError(400, "invalidRequest", "A closed referral cannot be changed.", target="status")
    for path, operation, value in steps:
        if path == APPEND:
            _append(row, operation, value, quirks, now)
        else:
            _replace(row, path, operation, value)
    if quirks.registration_form_checked:
        _check(row["registrations"][-1], row)


def review(row: Document, status: str, reason: str | None, now: datetime) -> None:
    """Let Microsoft's reviewers decide about the newest registration. Raises ValueError when there is none."""
    if not row["registrations"] or status not in STATES:
        raise ValueError(f"no registration, or no state {status}")
    _move(row, row["registrations"][-1], status, reason, now)


def _append(row: Document, operation: str, value: Any, quirks: Quirks, now: datetime) -> None:
    if operation != "add" or not isinstance(value, Mapping):
        raise invalid("registrations", "a registration object is appended with add.")
    if row["registrations"] and quirks.second_registration_refused:
        raise invalid("registrations", "the deal is registered already.")
    if quirks.registration_gates:
        _check_gates(row)
    form = conform(value, _FORM, "registrations")
    stamp = {"id": str(uuid.uuid4()), "registrationDateTime": _moment(now), "statusHistory": {}}
    registration = form | stamp
    row["registrations"].append(registration)
    _move(row, registration, "ReviewPending", None, now)


def _replace(row: Document, path: str, operation: str, value: Any) -> None:
    number, _, inner = path.removeprefix("/registrations/").partition("/")
    if operation != "replace" or not number.isdecimal() or inner not in _REPLACED:
        raise invalid(path.removeprefix("/"), "cannot be patched.")
    if int(number) >= len(row["registrations"]):
        raise invalid("registrations", f"there is no registration {number}.")
    registration = row["registrations"][int(number)]
    if registration["status"] not in ("ReviewPending", "ActionRequired"):
        raise invalid("registrations", f"a registration that is {registration['status']} cannot be changed.")
    holder: Any = registration
    schema: Any = _FORM
    *parents, last = inner.split("/")
    for part in parents:
        holder = holder[int(part)] if part.isdecimal() else holder[part]
        schema = schema[0] if part.isdecimal() else schema[part]
    holder[last] = conform(value, schema[last], f"registrations/{number}/{inner}")
    registration |= {"status": "ReviewPending", "statusReason": None}
    row["registrationStatus"] = "ReviewPending"


def _move(row: Document, registration: Document, status: str, reason: str | None, now: datetime) -> None:
    registration |= {"status": status, "statusReason": reason}
    registration["statusHistory"] = {
        **registration["statusHistory"],
        f"{status[:1].lower()}{status[1:]}DateTime": _moment(now),
    }
    row["registrationStatus"] = status


def _check_gates(row: Document) -> None:
    """Refuse wins that are too small or too young to be registered (register-deals)."""
    details = row["details"]
    if details["currency"] == "USD" and (details["dealValue"] or 0) < LEAST:
        raise invalid("registrations", "the deal's value is below 25,000 USD.")
    created, closed = (datetime.fromisoformat(row[name]) for name in ("createdDateTime", "closedDateTime"))
    if closed - created < SETTLED_FOR:
        raise invalid("registrations", "the deal was won within 72 hours.")


def _check(registration: Document, row: Document) -> None:
    """Refuse a form that lacks something, or says what cannot be."""
    contract, solutions = registration["contract"], registration["solutionDetails"]
    if not solutions:
        raise invalid("registrations/solutionDetails", "at least one solution is required.")
    if registration["type"] is None:
        raise invalid("registrations/type", "is required.")
    for target, part in (
        ("contract", contract),
        *((f"solutionDetails/{at}", each) for at, each in enumerate(solutions)),
    ):
        _check_complete(f"registrations/{target}", part)
    if contract["term"] == "Finite" and contract["endDateTime"] is None:
        raise invalid("registrations/contract/endDateTime", "is required for a finite contract.")
    if contract["endDateTime"] and contract["endDateTime"] < contract["startDateTime"]:
        raise invalid("registrations/contract/endDateTime", "must not be before the start.")
    sold = {each["id"] for each in row["details"]["requirements"]["solutions"]}
    for at, each in enumerate(solutions):
        if each["id"] not in sold:
            raise invalid(f"registrations/solutionDetails/{at}/id", "is no solution of the deal.")
        market = each["marketplaceTransactionDetails"]
        if market["isMarketplaceTransacted"] and market["marketplaceTransactionDateTime"] is None:
            place = f"registrations/solutionDetails/{at}/marketplaceTransactionDetails/marketplaceTransactionDateTime"
            raise invalid(place, "is required for a marketplace transaction.")


def _check_complete(target: str, part: Document) -> None:
    for name, value in part.items():
        if isinstance(value, dict):
            _check_complete(f"{target}/{name}", value)
        elif value is None and name not in _OPTIONAL:
            raise invalid(f"{target}/{name}", "is required.")
        elif name == "value" and value <= 0:
            raise invalid(f"{target}/{name}", "must be greater than 0.")


def _moment(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H:%M:%S.%f}Z"
