"""The rules that are switched on in Dataverse's own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tools.simulators.rule_routes import Rule
from tools.simulators.side_effects import texts

if TYPE_CHECKING:
    from tools.simulators.dataverse.simulator import DataverseSimulator


def rules(simulator: DataverseSimulator) -> Mapping[str, Rule]:
    """Return them by name."""
    return {
        "refuse_closing": lambda body: simulator.refuse_closing(
            *texts(body, "message"), open_quotes=body.get("open_quotes") is True
        ),
        "secure_column": lambda body: simulator.secure_column(
            *texts(body, "table", "column"), masked=body.get("masked") is True
        ),
        "unique": lambda body: simulator.add_key(*texts(body, "table", "column")),
    }
