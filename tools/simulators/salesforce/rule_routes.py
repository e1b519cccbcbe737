"""The control API of the rules: `POST /crm/rules` switches one on, `DELETE /crm/rules` switches all off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.simulators.side_effects import SideEffect, columns_of, texts

if TYPE_CHECKING:
    from tools.simulators.salesforce.simulator import SalesforceSimulator

Body = dict[str, object]
Handler = Callable[[dict[str, str], Body], object]


def rule_routes(simulator: SalesforceSimulator) -> dict[tuple[str, str], Handler]:
    """Return the handlers by method and path."""

    def switch_on(_path: dict[str, str], body: Body) -> object:
        (name,) = texts(body, "rule")
        if name not in _RULES:
            raise ValueError(f"rule must be one of {', '.join(_RULES)}")
        _RULES[name](simulator, body)
        return {"rule": name}

    def switch_off(_path: dict[str, str], _body: Body) -> object:
        simulator.clear_rules()
        return None

    return {("POST", "/crm/rules"): switch_on, ("DELETE", "/crm/rules"): switch_off}


def _refuse_writes(simulator: SalesforceSimulator, body: Body) -> None:
    simulator.refuse_writes(*texts(body, "table", "message"))


def _refuse_closing(simulator: SalesforceSimulator, body: Body) -> None:
    simulator.refuse_closing(*texts(body, "message"))


def _secure_column(simulator: SalesforceSimulator, body: Body) -> None:
    simulator.hide_field(*texts(body, "table", "column"))


def _unique(simulator: SalesforceSimulator, body: Body) -> None:
    simulator.add_unique_field(*texts(body, "table", "column"))


def _side_effect(simulator: SalesforceSimulator, body: Body) -> None:
    (table,) = texts(body, "table")
    effect = SideEffect(table, columns_of(body, "then"), columns_of(body, "when"))
    simulator.side_effect(effect, asynchronous=body.get("asynchronous") is True)


_RULES: dict[str, Callable[[SalesforceSimulator, Body], None]] = {
    "refuse_writes": _refuse_writes,
    "refuse_closing": _refuse_closing,
    "secure_column": _secure_column,
    "unique": _unique,
    "side_effect": _side_effect,
}
