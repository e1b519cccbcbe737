"""Ten thousand records take no more memory than one page of them and a small entry each."""

from __future__ import annotations

import tracemalloc
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from shared.crm.port import ChangePage, Record, RelatedRows
from shared.partner_center.port import Referral
from tests.support.fakes.crm_rows import IDENTIFIER
from tests.support.fakes.world import World
from tests.tools.admin.adopt.town import Town
from tools.admin.adopt.report import Report
from tools.admin.adopt.survey import survey

if TYPE_CHECKING:
    from shared.crm.port import Records
    from shared.partner_center.port import PartnerCenter

PAGE = 100
ENTRY = 2_000
"""Bytes that a deal may take: a referral's body takes five times as many, and its record as many again."""


def _id(number: int) -> str:
    return str(uuid.UUID(int=number, version=4))


class Stream:
    """Both sides, made while they are read: every other record carries its referral's identifier."""

    name = "dynamics365"
    owner_column = "ownerid"

    def __init__(self, town: Town, deals: int) -> None:
        self._deals = deals
        self._row = town.crm.row(town.record())
        self._body = dict(town.partner_center.rows[town.referral()])
        self._related = RelatedRows(None, None, None)
        self._now = town.world.clock.now()

    def changes(self, _cursor: str | None) -> Iterator[ChangePage]:
        for start in range(0, self._deals, PAGE):
            yield ChangePage(tuple(map(self._record, range(start, min(start + PAGE, self._deals)))), (), None)

    def _record(self, number: int) -> Record:
        own = {
            "name": f"Deal {number}",
            "estimatedvalue": 1000 + number,
            IDENTIFIER: _id(number) if number % 2 else None,
        }
        return Record(_id(10**9 + number), "1", {**self._row, **own}, self._now)

    def changed_since(self, _moment: datetime) -> Iterator[Referral]:
        return map(self._referral, range(self._deals))

    def _referral(self, number: int) -> Referral:
        value = {**cast("dict[str, object]", self._body["details"]), "dealValue": 1000 + number, "notes": "n" * 4000}
        return Referral({**self._body, "id": _id(number), "name": f"Deal {number}", "details": value})

    def read(self, referral_id: str) -> Referral:
        return self._referral(uuid.UUID(referral_id).int & 0xFFFFFFFF)

    def related(self, _record_id: str) -> RelatedRows:
        return self._related

    def owns(self, _record_id: str) -> bool:
        return True


def peak(deals: int) -> int:
    town = Town(World())
    stream = Stream(town, deals)
    task = replace(town.world.task, records=cast("Records", stream), partner_center=cast("PartnerCenter", stream))
    town.world.tape.steps.clear()
    report = Report("dynamics365")
    tracemalloc.start()
    try:
        for row in survey(task):
            report.add(row)
            town.world.tape.steps.clear()  # The fake's own memory.
        assert report.counts()["write"] == deals
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_grows_by_a_small_entry_for_each_deal() -> None:
    peak(PAGE)  # What is made once, such as compiled paths.
    small, large = peak(300), peak(1500)
    assert (large - small) / 1200 < ENTRY
    assert large / small < 3  # Of five times as many deals.
