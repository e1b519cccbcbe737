"""What an update may do: the patch allow-list, the state machine, one-way consent, terminal freeze.

Sources: patch-a-referral page, the connector's swagger (allow-list), referral-resources (status table), bulk-operations
(frozen fields).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tools.simulators.partner_center import vocabulary as words
from tools.simulators.partner_center.deal_registration import register_deals
from tools.simulators.partner_center.errors import invalid
from tools.simulators.partner_center.quirks import Quirks
from tools.simulators.partner_center.schema import MEMBER, REFERRAL, SOLUTION, Document, Schema, conform
from tools.simulators.partner_center.validation import check_members, check_solutions, check_team

_SHARE = "/consent/consentToShareReferralWithMicrosoftSellers"
_SOLUTIONS = "/details/requirements/solutions"
_PLAIN = (
    "/campaignId",
    _SHARE,
    "/details/closingDateTime",
    "/details/currency",
    "/details/dealValue",
    "/details/notes",
    "/externalReferenceId",
    "/referralProgram",
    "/salesStage",
    "/status",
    "/substatus",
    "/statusReason",
)
_NOT_NULL = frozenset(
    {_SHARE, "/details/closingDateTime", "/details/currency", "/details/dealValue", "/status", "/substatus"}
)
_LISTS: dict[str, tuple[Schema, Callable[[Sequence[Document], str], None]]] = {
    "/team": (MEMBER, check_team),
    "/customerProfile/team": (MEMBER, check_members),
    _SOLUTIONS: (SOLUTION, check_solutions),
}


def pointer_parts(pointer: str) -> list[str]:
    """Split a JSON pointer (no escapes occur in this resource)."""
    return pointer.removeprefix("/").split("/")


def put_value(row: Document, pointer: str, value: Any) -> None:
    """Set the property at a pointer whose parents exist."""
    *parents, last = pointer_parts(pointer)
    holder = row
    for name in parents:
        holder = holder[name]
    if last not in holder:
        raise KeyError(pointer)
    holder[last] = value


def get_value(row: Document, pointer: str) -> Any:
    """Return the property at a pointer."""
    value: Any = row
    for name in pointer_parts(pointer):
        value = value[name]
    return value


def apply_patch(row: Document, operations: object, quirks: Quirks, now: datetime) -> None:
    """Apply a JSON Patch to `row` in place; raises a 400 on the first broken rule (the caller discards the row)."""
    steps = _read_operations(operations)
    if row["status"] == "Closed":
        register_deals(row, steps, quirks, now)
        return
    before = {"status": row["status"], "substatus": row["substatus"], "share": get_value(row, _SHARE)}
    for path, operation, value in steps:
        _apply_one(row, path, operation, value, quirks)
    named = {path for path, _, _ in steps}
    if named & {"/status", "/substatus"}:
        check_transition(before["status"], before["substatus"], row, quirks)
        if row["status"] == "Closed" and not {"/status", "/substatus"} <= named:
            raise invalid("substatus", "closing needs status and substatus in one patch.")
    check_consent(before["share"], row)


def check_transition(status: str, substatus: str, row: Document, quirks: Quirks) -> None:
    """Refuse a move that the status table does not allow."""
    new, new_sub = row["status"], row["substatus"]
    if new not in words.MOVES.get(status, ()):
        raise invalid("status", f"{status} cannot become {new}.")
    if new_sub not in words.SUBSTATUSES[new]:
        raise invalid("substatus", f"{new_sub} is not a substatus of {new}.")
    if new_sub == "Expired":
        raise invalid("substatus", "only the service expires a referral.")
    if new_sub == "Received" and substatus != "Received" and not quirks.partner_may_set_received:
        raise invalid("substatus", "Received is set by the receiving side.")
    if new_sub == "Won" and not row["details"]["dealValue"]:
        raise invalid("details/dealValue", "must be greater than 0 to win a deal.")


def check_consent(shared_before: bool, row: Document) -> None:  # noqa: FBT001 -- the former value of a flag
    """Sharing with Microsoft's sellers cannot be taken back."""
    if shared_before and not get_value(row, _SHARE):
        raise invalid(_SHARE[1:], "cannot be withdrawn.")


def _read_operations(operations: object) -> list[tuple[str, str, Any]]:
    if not isinstance(operations, list) or not operations:
        raise invalid("patch", "the body must be a non-empty JSON Patch array.")
    steps = []
    for operation in operations:
        if not isinstance(operation, Mapping):
            raise invalid("patch", "every operation must be an object.")
        given = {str(key).casefold(): value for key, value in operation.items()}
        if given.get("op") not in {"add", "replace"}:
            raise invalid("op", "only add and replace are supported.")
        if not isinstance(given.get("path"), str) or "value" not in given:
            raise invalid("patch", "an operation needs op, path and value.")
        steps.append((given["path"], given["op"], given["value"]))
    return steps


def _apply_one(row: Document, path: str, operation: str, value: Any, quirks: Quirks) -> None:
    target = path.removeprefix("/")
    list_path = path.removesuffix("/-")
    if list_path in _LISTS:
        _check_customer_team(row, list_path, quirks)
        _apply_to_list(row, path, list_path, operation, value)
    elif path in _PLAIN or (path == "/name" and quirks.name_patchable):
        if value is None and (path in _NOT_NULL or path == "/name"):
            raise invalid(target, "must not be null.")
        put_value(row, path, conform(value, _schema_at(path), target))
    else:
        raise invalid(target, "cannot be patched.")


def _apply_to_list(row: Document, path: str, list_path: str, operation: str, value: Any) -> None:
    item, check = _LISTS[list_path]
    target = list_path.removeprefix("/")
    if path != list_path:
        if operation != "add":
            raise invalid(target, "an element is appended with add.")
        if not isinstance(value, Mapping):
            raise invalid(target, "the value must be an object.")
        items = [*get_value(row, list_path), conform(value, item, target)]
    else:
        if not isinstance(value, list):
            raise invalid(target, "must be an array.")
        items = conform(value, [item], target)
    check(items, target)
    put_value(row, list_path, items)


def _check_customer_team(row: Document, list_path: str, quirks: Quirks) -> None:
    invited = row["inviteContext"]["assistanceRequestCode"] != "Unknown"
    if list_path == "/customerProfile/team" and invited and quirks.customer_team_frozen_after_invite:
        raise invalid("customerProfile/team", "customer contacts are frozen once Microsoft is invited.")


def _schema_at(path: str) -> Schema:
    schema: Schema = REFERRAL
    for name in pointer_parts(path):
        assert isinstance(schema, dict)  # noqa: S101 -- every patchable path lies inside objects
        schema = schema[name]
    return schema
