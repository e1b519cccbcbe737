"""What a chat is told: a line, facts, and links, in no chat's own words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """One message. `facts` are labels with values, `links` labels with addresses of our own making."""

    text: str
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()

    @property
    def plain(self) -> str:
        """The message as lines of text, links among them."""
        return "\n".join([self.text, *(f"{label}: {value}" for label, value in (*self.facts, *self.links))])
