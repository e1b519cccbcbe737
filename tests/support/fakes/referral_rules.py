"""What Partner Center refuses, as far as the app can meet it (reference: partner-center-api, sections 3.4 to 3.8)."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from shared.errors import DataError
from shared.partner_center.targets import field_at
from shared.problems import problem
from tests.support.fakes.registration_rules import registered

Body = dict[str, Any]

SHARE = "/consent/consentToShareReferralWithMicrosoftSellers"
SOLUTIONS = "/details/requirements/solutions"

_LISTS = (SOLUTIONS, "/team", "/customerProfile/team")
_TEXTS = (
    "/campaignId",
    "/details/notes",
    "/externalReferenceId",
    "/referralProgram",
    "/salesStage",
    "/statusReason",
)
_NEVER_NULL = (SHARE, "/details/closingDateTime", "/details/currency", "/details/dealValue", "/status", "/substatus")
_PATCHABLE = (*_TEXTS, *_NEVER_NULL)
_MOVES = {"New": ("New", "Active", "Closed"), "Active": ("Active", "Closed")}
_SUBSTATUSES = {"New": ("Pending",), "Active": ("Accepted",), "Closed": ("Won", "Lost", "Declined")}
_PERSON = ("firstName", "lastName", "phoneNumber", "email")
_SOLUTION_ID = re.compile(r"SOL-\d+-[A-Z]{3}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


T = TypeVar("T")


def copied(value: T) -> T:
    """Return a copy that shares nothing with the value; several times as quick as deepcopy."""
    return cast("T", pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)))  # noqa: S301 - it is our own


def refuse(target: str, rule: str) -> DataError:
    """Return the error that the client makes of Partner Center's 400."""
    return DataError(problem("partner_center.refused", field_at(target), message=rule))


def at(body: Mapping[str, Any], pointer: str) -> Any:
    """Return the value at a JSON Pointer; absent parts read as None."""
    value: Any = body
    for part in pointer.strip("/").split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def put(body: Body, pointer: str, value: object) -> None:
    """Set the value at a JSON Pointer, making the objects on the way."""
    *parents, last = pointer.strip("/").split("/")
    holder = body
    for part in parents:
        if not isinstance(holder.get(part), dict):
            holder[part] = {}
        holder = holder[part]
    holder[last] = copied(value)


def asks_for_help(body: Body) -> bool:
    """Tell whether a referral asks Microsoft for anything."""
    return at(body, "inviteContext/assistanceRequestCode") not in (None, "Unknown")


def check_new(body: Body) -> None:
    """Refuse a POST that lacks what Partner Center requires."""
    required = ("type", "customerProfile", "consent", "details", "name", "customerProfile/name")
    address = (f"customerProfile/address/{part}" for part in ("addressLine1", "city", "country"))
    details = ("details/dealValue", "details/currency", "details/closingDateTime")
    for pointer in (*required, *address, *details):
        if at(body, pointer) in (None, "", {}):
            raise refuse(pointer, "is required.")
    if len(at(body, "customerProfile/address/country")) != 2:
        raise refuse("customerProfile/address/country", "must be an ISO 3166-1 alpha-2 code.")
    if at(body, "consent/consentToToShareInfoWithOthers") is not True:
        raise refuse("consent/consentToToShareInfoWithOthers", "must be true.")
    _check_solutions(at(body, SOLUTIONS))
    attributes = at(body, "details/requirements/additionalRequirements/attributes") or ()
    if not any(each.get("type") == "CustomerMarketplaceIntent" for each in attributes):
        raise refuse("details/requirements/additionalRequirements/attributes", "is required.")
    _check_team(body.get("team"), "team")
    if asks_for_help(body):
        _check_team(at(body, "customerProfile/team"), "customerProfile/team")


def check_invitation(body: Body, rows: Iterable[Body]) -> Body:
    """Return our row of the deal. Refuses the second POST of a co-sell deal when it does not fit the first."""
    engagement = [row for row in rows if row["engagementId"] == body.get("engagementId")]
    own = next((row for row in engagement if row["organizationId"] != "msft"), None)
    if not asks_for_help(body):
        raise refuse("inviteContext/assistanceRequestCode", "is required to invite Microsoft.")
    if own is None or own["status"] == "Closed":
        raise refuse("engagementId", "does not exist, or is closed.")
    if body["type"] != "Shared":
        raise refuse("type", "must be Shared to invite Microsoft.")
    if not at(own, SHARE) or not at(body, SHARE):
        raise refuse(SHARE, "must be true to invite Microsoft.")
    if len(engagement) > 1:
        raise refuse("engagementId", "Microsoft is invited already.")
    return own


def patched(row: Body, operations: Iterable[Mapping[str, object]]) -> Body:
    """Return the row as a JSON Patch leaves it. Raises DataError at the first broken rule, all or nothing."""
    operations = list(operations)
    steps = [(str(each["path"]), each["value"]) for each in operations]
    if row["substatus"] == "Won" and all(pointer.startswith("/registrations/") for pointer, _ in steps):
        return registered(copied(row), operations)
    if row["status"] == "Closed":
        raise refuse("status", "a closed referral cannot be changed.")
    changed = copied(row)
    for pointer, value in steps:
        _apply(changed, pointer, value)
    named = {pointer for pointer, _ in steps}
    if named & {"/status", "/substatus"}:
        _check_move(row, changed, named)
    if at(row, SHARE) and not at(changed, SHARE):
        raise refuse(SHARE[1:], "cannot be withdrawn.")
    return changed


def _apply(row: Body, pointer: str, value: object) -> None:
    target = pointer[1:]
    if pointer == SOLUTIONS:
        _check_solutions(value)
    elif pointer in _LISTS:
        _check_team(value, target)
    elif pointer not in _PATCHABLE:
        raise refuse(target, "cannot be patched.")
    elif value is None and pointer in _NEVER_NULL:
        raise refuse(target, "must not be null.")
    elif value is not None:
        _check_type(pointer, value)
    put(row, pointer, value)


def _check_type(pointer: str, value: object) -> None:
    target = pointer[1:]
    if pointer == "/details/dealValue" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise refuse(target, "must be a number.")
    if pointer in _TEXTS and not isinstance(value, str):
        raise refuse(target, "must be a string.")
    if pointer == "/details/currency" and not re.fullmatch("[A-Z]{3}", str(value)):
        raise refuse(target, "must be an ISO 4217 currency code.")
    if pointer == "/details/closingDateTime":
        datetime.fromisoformat(str(value))
    if pointer == SHARE and not isinstance(value, bool):
        raise refuse(target, "must be true or false.")


def _check_move(before: Body, after: Body, named: set[str]) -> None:
    status, substatus = after["status"], after["substatus"]
    if status not in _MOVES[before["status"]]:
        raise refuse("status", f"{before['status']} cannot become {status}.")
    if substatus not in _SUBSTATUSES[status]:
        raise refuse("substatus", f"{substatus} is not a substatus of {status}.")
    if status == "Closed" and not {"/status", "/substatus"} <= named:
        raise refuse("substatus", "closing needs status and substatus in one patch.")
    if substatus == "Won" and not at(after, "details/dealValue"):
        raise refuse("details/dealValue", "must be greater than 0 to win a deal.")


def _check_solutions(value: object) -> None:
    if not isinstance(value, list) or not value:
        raise refuse(SOLUTIONS[1:], "at least one solution is required.")
    for each in value:
        if not _SOLUTION_ID.fullmatch(str(each.get("id"))):
            raise refuse(f"{SOLUTIONS[1:]}/id", f"{each.get('id')!r} is not a valid solution id.")


def _check_team(team: object, target: str) -> None:
    if not isinstance(team, list) or not team:
        raise refuse(target, "at least one member is required.")
    for member in team:
        for part in _PERSON:
            if not (member.get(part) or "").strip():
                raise refuse(f"{target}/{part}", "is required.")
