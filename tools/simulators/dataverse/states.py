"""Which state and status reason a row may take, and by which message."""

from __future__ import annotations

from tools.simulators.dataverse.columns import Option, Table
from tools.simulators.dataverse.errors import RefusedError, Rule
from tools.simulators.dataverse.rows import Row, Values

OPEN = 0
CLOSING_ACTIONS = {1: "WinOpportunity", 2: "LoseOpportunity"}


def default_reason(table: Table, state: object) -> Option:
    """Return the first status reason of a state."""
    return next(option for option in table.columns["statuscode"].options if option.state == state)


def require_pair(table: Table, row_id: str, state: object, status: object) -> None:
    """Refuse a status reason that belongs to another state (0x80048408)."""
    reason = table.columns["statuscode"].option(status)
    if reason is None or reason.state != state:
        raise RefusedError(Rule.BAD_STATUS, status=status, state=state, table=table.name, id=row_id)


def settle_new(table: Table, row_id: str, values: Values) -> None:
    """Give a new row its first state, and check the status reason it may have been given."""
    if "statecode" not in table.columns:
        return
    values["statecode"] = OPEN
    if values.get("statuscode") is None:
        values["statuscode"] = default_reason(table, OPEN).value
    require_pair(table, row_id, OPEN, values["statuscode"])


def settle_update(table: Table, row: Row, changes: Values) -> None:
    """Check the state part of an update and complete it: the reason follows the state where it is not given."""
    if "statecode" not in table.columns:
        return
    for column in ("statecode", "statuscode"):
        if column in changes and changes[column] is None:
            raise RefusedError(Rule.REQUIRED, table=table.name, column=column)
    if table.name == "opportunity":
        _guard_opportunity(row, changes)
    state = changes.get("statecode", row.values["statecode"])
    if state != row.values["statecode"]:
        changes.setdefault("statuscode", default_reason(table, state).value)
    if "statecode" in changes or "statuscode" in changes:
        require_pair(table, row.id, state, changes.get("statuscode", row.values["statuscode"]))


def _guard_opportunity(row: Row, changes: Values) -> None:
    """Closing is for the actions (0x80100005); a closed row takes nothing but its reopening (0x80040515)."""
    wanted = changes.get("statecode", row.values["statecode"])
    if wanted != OPEN and wanted != row.values["statecode"]:
        name = "Won" if wanted == 1 else "Lost"
        action = CLOSING_ACTIONS[1 if wanted == 1 else 2]
        raise RefusedError(Rule.STATE_BY_WRONG_MESSAGE, state=name, action=action)
    is_reopening = wanted == OPEN and not set(changes) - {"statecode", "statuscode"}
    if row.values["statecode"] != OPEN and not is_reopening:
        raise RefusedError(Rule.ALREADY_CLOSED, id=row.id)
