"""The forecasts of many deals in one report: grouped and counted, with a few examples, as table, CSV and JSON."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

from rich import box
from rich.table import Table
from rich.text import Text

from shared.printable import printable
from shared.sync.mass_change import Kind, would_hold
from shared.sync.preview import Action, DealForecast, Forecast, Side
from shared.sync.task import Choices
from tools.admin.files import inert

EXAMPLES = 3
GROUPS = 200
"""How many kinds of forecast are told apart: more than any mapping has, and a bound for reasons that hold values."""

Key = tuple[Action, Side, str, str]
Example = tuple[str, str, str, str]
"""Referral id, record id, old and new value."""

_OTHERS = "other reasons"
_WORST_FIRST = (Action.FAIL, Action.CLEAR, Action.HOLD, Action.WRITE, Action.DIFFER)
_COLORS = {Action.FAIL: "red", Action.CLEAR: "red", Action.HOLD: "yellow"}
_HEADER = ("referral_id", "record_id", "action", "side", "field", "old", "new", "reason")


@dataclass
class Group:
    """What would happen alike to several deals."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)


class Report:
    """Takes forecasts one by one; its size does not grow with their number."""

    def __init__(self, crm: str, mapping_version: str) -> None:
        self.crm = crm
        self.mapping_version = mapping_version
        self.deals = 0
        self.untouched = 0
        self.alarming = 0
        """Deals of which something would be cleared or fail."""
        self.counted = Counter[Kind]()
        """Deals by what the guard against mass changes would count them as."""
        self._groups: dict[Key, Group] = {}

    def add(self, deal: DealForecast) -> None:
        """Count one deal."""
        self.deals += 1
        self.untouched += not deal.forecasts
        self.alarming += any(each.alarming for each in deal.forecasts)
        if deal.counted:
            self.counted[deal.counted] += 1
        for each in deal.forecasts:
            group = self._group(each)
            group.count += 1
            if len(group.examples) < EXAMPLES:
                group.examples.append((deal.link.referral_id, deal.link.record_id, each.old, each.new))

    def _group(self, each: Forecast) -> Group:
        key = (each.action, each.side, each.field, each.reason)
        if key not in self._groups and len(self._groups) >= GROUPS:
            key = (each.action, each.side, each.field, _OTHERS)
        return self._groups.setdefault(key, Group())

    def groups(self) -> Iterator[tuple[Key, Group]]:
        """Yield the groups, what alarms first, then by field and size."""
        yield from sorted(
            self._groups.items(), key=lambda each: (_WORST_FIRST.index(each[0][0]), each[0][2], -each[1].count)
        )

    def table(self) -> Table:
        """Return the report for the terminal."""
        table = Table(title=f"{self.crm}, mapping {self.mapping_version}", title_justify="left", box=box.SIMPLE_HEAD)
        for name in ("would", "in", "field", "deals", "why", "for example"):
            table.add_column(name, justify="right" if name == "deals" else "left", overflow="fold")
        for (action, side, name, reason), group in self.groups():
            examples = "\n".join(
                printable(f"{referral}: {old} → {new}" if old or new else referral)
                for referral, _, old, new in group.examples
            )
            cells = (action, side.replace("_", " "), name, str(group.count), printable(reason), examples)
            # As plain text: a deal's name may look like a mark of style, or be a command to the terminal.
            table.add_row(*map(Text, cells), style=_COLORS.get(action))
        return table

    def held(self, choices: Choices) -> Iterator[tuple[Kind, int]]:
        """Yield the kinds of change of which there would be so many that the guard holds them, and how many."""
        yield from (each for each in self.counted.items() if would_hold(choices, each[1], self.deals))

    def as_json(self) -> str:
        """Return the report as JSON."""
        groups = [
            {
                "action": action,
                "side": side,
                "field": name,
                "reason": reason,
                "deals": group.count,
                "examples": [
                    dict(zip(("referral_id", "record_id", "old", "new"), each, strict=True)) for each in group.examples
                ],
            }
            for (action, side, name, reason), group in self.groups()
        ]
        totals = {"deals": self.deals, "untouched": self.untouched, "alarming": self.alarming}
        told = {**totals, "counted": dict(self.counted), "groups": groups}
        return json.dumps({"crm": self.crm, "mapping": self.mapping_version, **told}, indent=2)


class CsvRows:
    """Every single forecast as a line of a CSV file, written as it is made."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(_HEADER)

    def add(self, deal: DealForecast) -> None:
        """Write one deal's forecasts."""
        ids = (deal.link.referral_id, deal.link.record_id)
        for each in deal.forecasts:
            values = (each.action, each.side, each.field, each.old, each.new, each.reason)
            self._writer.writerow([*ids, *map(inert, values)])
