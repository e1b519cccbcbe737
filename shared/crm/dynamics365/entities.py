"""The tables of Dynamics 365 that a mapping file may name."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import MappingError


@dataclass(frozen=True)
class Entity:
    """How the Web API names a table: its rows' collection, and the column with their id."""

    entity_set: str
    id_column: str
    merges: bool = False
    """Whether the platform can merge two rows into one: leads, not opportunities (D365: entities/opportunity)."""


ENTITIES = {
    "opportunity": Entity("opportunities", "opportunityid"),
    "lead": Entity("leads", "leadid", merges=True),
}
"""The tables that a mapping file may name, by logical name."""


def entity_of(table: str) -> Entity:
    """Return a table's names in the Web API. Raises MappingError for a table that is not among them."""
    if table not in ENTITIES:
        raise MappingError(f"table: {table} is none of {', '.join(ENTITIES)}, the tables of Dynamics 365.")
    return ENTITIES[table]
