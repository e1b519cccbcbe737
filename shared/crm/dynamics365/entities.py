"""The tables of Dynamics 365 that a mapping file may name."""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import MappingError


@dataclass(frozen=True)
class Entity:
    """How the Web API names a table: its rows' collection, and the column with their id."""

    entity_set: str
    id_column: str
    parents: tuple[str, ...]
    """Look-ups that are only followed, to fill in a new referral; they travel as ids."""
    has_closing_actions: bool = True
    """Whether it is won and lost by actions of its own (WinOpportunity); else its state is a column like any other."""
    merges: bool = False
    """Whether the platform can merge two rows into one: leads, not opportunities (D365: entities/opportunity)."""


ENTITIES = {
    "opportunity": Entity(
        "opportunities", "opportunityid", ("parentaccountid", "customerid", "parentcontactid", "ownerid")
    ),
    "lead": Entity("leads", "leadid", ("ownerid",), has_closing_actions=False, merges=True),
}
"""The tables that a mapping file may name, by logical name."""


def entity_of(table: str) -> Entity:
    """Return a table's names in the Web API. Raises MappingError for a table that is not among them."""
    if table not in ENTITIES:
        raise MappingError(f"table: {table} is none of {', '.join(ENTITIES)}, the tables of Dynamics 365.")
    return ENTITIES[table]
