"""The control API of a CRM's rules: `POST /crm/rules` switches one on, `DELETE /crm/rules` switches all off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from tools.simulators.side_effects import SideEffect, columns_of, texts

Body = dict[str, object]
Handler = Callable[[dict[str, str], Body], object]
Rule = Callable[[Body], None]
"""Switches a rule on, as the body says."""


class Ruled(Protocol):
    """What the rules that both CRMs have take of a simulator."""

    def refuse_writes(self, table: str, message: str) -> None:
        """Refuse every write of the app to a table."""
        ...

    def side_effect(self, effect: SideEffect, *, asynchronous: bool = False) -> None:
        """Let the customer's logic change what is written."""
        ...

    def clear_rules(self) -> None:
        """Switch all of them off."""
        ...


def rule_routes(simulator: Ruled, own: Mapping[str, Rule]) -> dict[tuple[str, str], Handler]:
    """Return the handlers by method and path; `own` are the rules that this CRM switches on in a way of its own."""
    rules = {
        "refuse_writes": lambda body: simulator.refuse_writes(*texts(body, "table", "message")),
        "side_effect": lambda body: _side_effect(simulator, body),
        **own,
    }

    def switch_on(_path: dict[str, str], body: Body) -> object:
        (name,) = texts(body, "rule")
        if name not in rules:
            raise ValueError(f"rule must be one of {', '.join(rules)}")
        rules[name](body)
        return {"rule": name}

    def switch_off(_path: dict[str, str], _body: Body) -> object:
        simulator.clear_rules()
        return None

    return {("POST", "/crm/rules"): switch_on, ("DELETE", "/crm/rules"): switch_off}


def _side_effect(simulator: Ruled, body: Body) -> None:
    (table,) = texts(body, "table")
    effect = SideEffect(table, columns_of(body, "then"), columns_of(body, "when"))
    simulator.side_effect(effect, asynchronous=body.get("asynchronous") is True)
