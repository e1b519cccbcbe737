"""An exported audit shows any change that was made to it afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from shared.ledger.model import AuditEntry
from tools.admin.export.chain import chained, final_hash, verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENTRIES = [
    AuditEntry(f"id{n}", NOW + timedelta(minutes=n), "CRM → Partner Center", f"한빛 {n}", (("notes", "a", "b"),))
    for n in range(4)
]


def exported(count: int = 4) -> list[bytes]:
    rows = [("dynamics365", f"r{n}", entry) for n, entry in enumerate(ENTRIES[:count])]
    return [f"{line}\n".encode() for line in chained(NOW, rows)]


def final(lines: list[bytes]) -> str:
    return final_hash(lines[-1].decode())


@pytest.mark.parametrize("count", [0, 1, 4])
def test_an_export_is_as_it_was_made(count: int) -> None:
    lines = exported(count)
    verdict = verify(lines, final(lines).upper())
    assert (verdict.rows, verdict.hash, verdict.wrong) == (count, final(lines), "")
    assert len(lines) == count + 2


def test_every_row_is_whole_and_ascii() -> None:
    lines = exported()
    assert all(line.isascii() for line in lines)
    row = json.loads(lines[2])
    assert (row["crm"], row["key"], row["entry"]["text"], row["number"]) == ("dynamics365", "r1", "한빛 1", 2)
    assert row["previous"] == json.loads(lines[1])["hash"]


def _change(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b'"b"', b'"c"')


def _drop(lines: list[bytes]) -> None:
    del lines[2]


def _swap(lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def _double(lines: list[bytes]) -> None:
    lines.insert(2, lines[2])


def _cut(lines: list[bytes]) -> None:
    del lines[-1]


def _cut_in_the_middle(lines: list[bytes]) -> None:
    lines[-1] = lines[-1][:40]


def _drop_the_head(lines: list[bytes]) -> None:
    del lines[0]


def _append(lines: list[bytes]) -> None:
    lines.append(b"{}\n")


def _empty(lines: list[bytes]) -> None:
    lines.clear()


def _junk(lines: list[bytes]) -> None:
    lines[1] = b"\xff\x00[]\n"


def _list(lines: list[bytes]) -> None:
    lines[1] = b"[1]\n"


def _drop_rows_and_count_anew(lines: list[bytes]) -> None:
    del lines[1:-1]


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (_change, "line 3: it was changed"),
        (_drop, "line 3: a line before it is missing"),
        (_swap, "line 3: a line before it is missing"),
        (_double, "line 4: a line before it is missing"),
        (_cut, "the end was cut off"),
        (_cut_in_the_middle, "line 6: it is no JSON"),
        (_drop_the_head, "line 1: it is no audit export"),
        (_append, "line 7: something stands behind"),
        (_empty, "it is empty"),
        (_junk, "line 2: it is no JSON"),
        (_list, "line 2: it is no line of an audit export"),
        (_drop_rows_and_count_anew, "line 2: a line before it is missing"),
    ],
)
def test_a_change_is_noticed(tamper: Callable[[list[bytes]], None], told: str) -> None:
    lines = exported()
    tamper(lines)
    assert told in verify(lines).wrong


def test_a_forger_who_makes_the_hashes_anew_is_caught_by_the_noted_hash_alone() -> None:
    noted, forged = final(exported()), exported(3)
    assert verify(forged).wrong == ""
    assert "not the one that was noted" in verify(forged, noted).wrong
