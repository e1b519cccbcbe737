"""The options of `cosell.py provision`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`solution`: the one in Dynamics 365 that definitions are added to. `user`: who gets the rights in Salesforce."""

    solution: str = ""
    user: str = ""
