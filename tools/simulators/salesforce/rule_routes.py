"""The rules that are switched on in Salesforce's own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tools.simulators.rule_routes import Rule
from tools.simulators.side_effects import texts

if TYPE_CHECKING:
    from tools.simulators.salesforce.simulator import SalesforceSimulator


def rules(simulator: SalesforceSimulator) -> Mapping[str, Rule]:
    """Return them by name."""
    return {
        "refuse_closing": lambda body: simulator.refuse_closing(*texts(body, "message")),
        "secure_column": lambda body: simulator.hide_field(*texts(body, "table", "column")),
        "unique": lambda body: simulator.add_unique_field(*texts(body, "table", "column")),
    }
