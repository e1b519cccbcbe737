"""Who of those whom a mapping names exists in a CRM: asked once an hour, whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.crm.around import Owner
from shared.mapping.owners import Assignee

EVERY = timedelta(hours=1)
"""How long it is remembered who exists, and who does not."""

MOST = 5000
"""How many are remembered before everything is forgotten."""

Ask = Callable[[Sequence[Assignee]], Mapping[Assignee, str]]
"""Asks the CRM for all of them at once; returns the ids of those who exist, are active and are only one."""

Known = dict[Assignee, tuple[datetime, str | None]]
"""When somebody was asked for, and the id, if there was one."""


class Owners:
    """Finds owners, and remembers them."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._known: Known = {}
        self._lock = threading.Lock()

    def unknown(self, wanted: Sequence[Assignee]) -> list[Assignee]:
        """Return who must be asked for before it is known which of them is the first whom the CRM has."""
        now = self._clock.now()
        with self._lock:
            known = dict(self._known)
        unknown = [each for each in wanted if each not in known or now - known[each][0] > EVERY]
        return [] if not unknown or _is_settled(wanted, unknown, known) else unknown

    def learn(self, asked: Iterable[Assignee], found: Mapping[Assignee, str]) -> None:
        """Remember who of those that were asked for exists, and under which id."""
        now = self._clock.now()
        with self._lock:
            if len(self._known) > MOST:
                self._known.clear()
            self._known |= {each: (now, found.get(each)) for each in asked}

    def first(self, wanted: Sequence[Assignee]) -> Owner | None:
        """Return the first of them whom the CRM has, of those who are known."""
        with self._lock:
            held = [(each, self._known[each][1]) for each in wanted if each in self._known]
        return next((Owner(each, row_id) for each, row_id in held if row_id), None)

    def missing(self, wanted: Iterable[Assignee]) -> tuple[Assignee, ...]:
        """Return those whom the CRM does not have; nothing is remembered. Raises the families."""
        every = tuple(dict.fromkeys(wanted))
        found = self._ask(every) if every else {}
        return tuple(each for each in every if each not in found)


def _is_settled(wanted: Sequence[Assignee], unknown: Sequence[Assignee], known: Known) -> bool:
    """Whether somebody is known who goes before everybody unknown."""
    first = next((each for each in wanted if each not in unknown and known[each][1]), None)
    return first is not None and wanted.index(first) < wanted.index(unknown[0])


def only(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return ids by name without regard to case, of names that only one row has. `rows` are names and ids."""
    ids: dict[str, set[str]] = {}
    for name, row_id in rows:
        ids.setdefault(name.strip().casefold(), set()).add(row_id)
    return {name: next(iter(found)) for name, found in ids.items() if len(found) == 1}
