"""Deciding and planning in memory, beside vdirsyncer's algorithm on its own in-memory storages.

The same number of pairs, a tenth of them changed on one side. vdirsyncer lists both storages, compares versions, and
copies what changed as a whole; ours is told what changed, reads both sides into canonical values, decides field by
field, spells the change for the CRM and makes the new base. Each is timed for the changes alone, not for the filling.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vdirsyncer.storage.memory import MemoryStorage
from vdirsyncer.sync import sync
from vdirsyncer.sync.status import SqliteStatus
from vdirsyncer.vobject import Item

from shared.deal import STATUS, RecordKey
from shared.decide import decide
from shared.decide.deal import Deal, Policy, RecordSeen, ReferralSeen
from shared.decide.decisions import Agree
from shared.lifecycle import Stage
from shared.link import Link
from shared.mapping.field_map import FieldMap
from shared.mapping.loading import load_mapping
from tools.bench.mapping import sample
from tools.bench.rows import Row

SIZES = (1_000, 10_000, 100_000)
CHANGED = 10
"""One pair in so many is changed."""

TARGET = 5.0
FLAT = 1.2
"""How much more a change may cost among the most pairs than among the fewest."""

NOW = datetime(2026, 1, 5, tzinfo=UTC)
Json = dict[str, Any]


def run(_rounds: int) -> list[Row]:
    """Measure. Raises AssertionError when a change did not arrive."""
    logging.getLogger("vdirsyncer").setLevel(logging.WARNING)
    ours = {size: Ours(size).micros() for size in SIZES}
    theirs = {size: asyncio.run(vdirsyncer(size)) for size in SIZES}
    rows = [
        Row(f"a change among {size:,} pairs", ours[size], "µs", TARGET, peer="vdirsyncer", peer_figure=theirs[size])
        for size in SIZES
    ]
    flat = ours[SIZES[-1]] / ours[SIZES[0]]
    return [*rows, Row(f"the same, {SIZES[-1]:,} pairs to {SIZES[0]:,}", flat, "×", FLAT, at_most=True)]


class Ours:
    """So many linked pairs, with their changes."""

    def __init__(self, size: int) -> None:
        self._field_map: FieldMap = load_mapping("dynamics365", Path(__file__).parent)
        body, columns = sample(self._field_map)
        base, _ = self._field_map.read_referral(body)
        self._records = [dict(columns) for _ in range(size)]
        self._links = [_link(self._field_map, str(number), base) for number in range(size)]
        self._changes: list[tuple[int, Json]] = []
        for number in range(0, size, CHANGED):
            changed = {**body, "details": {**body["details"], "notes": f"changed {number}"}}
            self._changes.append((number, changed))

    def micros(self) -> float:
        """Bring every change to the other side; returns microseconds for each."""
        gc.collect()
        gc.freeze()  # The pairs are the bench's own memory; in Azure they are in Table Storage.
        start = time.perf_counter()
        for number, body in self._changes:
            self._agree(number, body)
        taken = time.perf_counter() - start
        gc.unfreeze()
        assert all(self._records[n]["description"] == f"changed {n}" for n, _ in self._changes)  # noqa: S101
        return taken / len(self._changes) * 1e6

    def _agree(self, number: int, body: Json) -> None:
        field_map, link, columns = self._field_map, self._links[number], self._records[number]
        assert link.record  # noqa: S101
        fields, _ = field_map.read_referral(body)
        referral = ReferralSeen(link.referral_id, fields, "2", Stage(str(fields[STATUS])), body=body)
        values, _ = field_map.read_record(columns)
        record = RecordSeen(link.record, values, "1", NOW, identifier=link.referral_id, columns=columns)
        decision = decide(Deal(NOW, "referral", link, referral, record), field_map, Policy())
        assert isinstance(decision, Agree)  # noqa: S101
        columns |= field_map.record_values({each.name: each.new for each in decision.plan.to_crm})
        self._links[number] = replace(link, base=decision.plan.base, referral_version="2", record_version="2")


def _link(field_map: FieldMap, referral_id: str, base: Any) -> Link:
    key = RecordKey("dynamics365", "opportunity", referral_id)
    return Link("dynamics365", referral_id, key, base=base, fingerprints=field_map.fingerprints, record_version="1")


async def vdirsyncer(size: int) -> float:
    """Let vdirsyncer bring as many changes to the other side; returns microseconds for each."""
    left, right, status = MemoryStorage(), MemoryStorage(), SqliteStatus()
    hrefs = [(await left.upload(_item(number, "agreed")))[0] for number in range(size)]
    await sync(left, right, status)
    changed = range(0, size, CHANGED)
    for number in changed:
        _, version = await left.get(hrefs[number])
        await left.update(hrefs[number], _item(number, f"changed {number}"), version)
    start = time.perf_counter()
    await sync(left, right, status)
    taken = time.perf_counter() - start
    for number in changed:
        item, _ = await right.get(hrefs[number])
        assert f"changed {number}" in item.raw  # noqa: S101
    status.close()
    return taken / len(changed) * 1e6


def _item(number: int, text: str) -> Item:
    return Item(f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{number}\r\nFN:Deal {number}\r\nNOTE:{text}\r\nEND:VCARD\r\n")
