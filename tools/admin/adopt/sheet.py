"""The forecast as a CSV file that a person edits, and what is read back of it.

A person writes into `decision` alone. Whatever else stands in a row is held to what was forecast by its `check`, so
only the columns of ids, decision and check are read: they are ASCII, and survive every spreadsheet and code page.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from shared.printable import printable
from tools.admin.adopt.forecast import PERFORMED, Kind, Row, identity_check
from tools.admin.files import inert

HEADER = (
    "decision",
    "would",
    "score",
    "crm",
    "table",
    "record_id",
    "referral_id",
    "name",
    "why",
    "writes",
    "notes",
    "check",
)
_READ = ("decision", "would", "crm", "table", "record_id", "referral_id", "check")
_WORDS = dict.fromkeys(("yes", "y", "true", "1"), True) | dict.fromkeys(("no", "n", "false", "0"), False)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LONGEST = 40
_WIDEST = 4_000
"""Characters of a cell: spreadsheets take no more than 32,767."""


class SheetRows:
    """Writes the rows of a forecast as they are made."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(HEADER)

    def add(self, row: Row) -> None:
        """Write one deal, if it is worth a line."""
        if not row.listed:
            return
        texts = (row.name, "; ".join(row.score.reasons), "; ".join(map(str, row.writes)), "; ".join(row.notes))
        shown = (inert(printable(each, _WIDEST)) for each in texts)
        points = f"{row.score.points:.2f}" if row.score.points else ""
        ids = (row.crm, row.table, row.record_id, row.referral_id)
        check = row.check if row.waits else ""
        self._writer.writerow([row.decision, row.kind, points, *ids, *shown, check])


@dataclass(frozen=True)
class Order:
    """What a person decided about one row: yes or no."""

    line: int
    kind: Kind
    crm: str
    table: str
    record_id: str
    referral_id: str
    check: str
    confirmed: bool


@dataclass(frozen=True)
class Sheet:
    """An edited file: what was decided, how many rows were left open, and every mistake."""

    orders: tuple[Order, ...]
    undecided: int
    mistakes: tuple[str, ...]


def read_sheet(content: bytes) -> Sheet:
    """Read an edited file, whatever spreadsheet wrote it; never raises for what stands in it."""
    text = _decoded(content)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        lines = [(rows.line_num, cells) for cells in rows if any(each.strip() for each in cells)]
    except csv.Error as error:
        return Sheet((), 0, (f"line {rows.line_num}: it is no CSV ({error}). Save it as CSV UTF-8.",))
    if not lines:
        return Sheet((), 0, ("the file is empty.",))
    header = [each.strip().casefold() for each in lines[0][1]]
    if missing := [each for each in _READ if each not in header]:
        return Sheet((), 0, (f"line 1: there is no column {', '.join(missing)}. Keep the header as it was written.",))
    places = {name: header.index(name) for name in _READ}
    reader = _Reader(places)
    for number, cells in lines[1:]:
        reader.take(number, cells)
    return Sheet(tuple(reader.orders), reader.undecided, tuple(reader.mistakes))


class _Reader:
    def __init__(self, places: dict[str, int]) -> None:
        self._places = places
        self._seen: dict[tuple[str, str], int] = {}
        self.orders: list[Order] = []
        self.mistakes: list[str] = []
        self.undecided = 0

    def take(self, line: int, cells: list[str]) -> None:
        """Take one row in, or note what is wrong with it."""
        values = {name: _cell(cells, place) for name, place in self._places.items()}
        word = values["decision"].casefold()
        kind = next((each for each in Kind if each == values["would"].casefold()), None)
        if not word:
            self.undecided += kind in PERFORMED
            return
        if mistake := next(self._mistakes(values, word, kind), None):
            self.mistakes.append(f"line {line}: {mistake}")
            return
        assert kind is not None  # noqa: S101 - it is one of the mistakes
        ids = (values["crm"], values["table"], values["record_id"], values["referral_id"])
        order = Order(line, kind, *ids, values["check"], _WORDS[word])
        if order.confirmed and (twice := self._twice(order)):
            self.mistakes.append(f"line {line}: {twice}")
            return
        self.orders.append(order)

    def _mistakes(self, values: dict[str, str], word: str, kind: Kind | None) -> Iterator[str]:
        if word not in _WORDS:
            yield f"decision: {_quoted(values['decision'])} is neither yes, no nor empty."
        if kind is None:
            yield f"would: {_quoted(values['would'])} is not what the forecast wrote. Change the column decision only."
        elif kind not in PERFORMED and _WORDS[word]:
            yield f"decision: nothing can be confirmed about a row that says {kind}. Leave it empty."
        elif kind in PERFORMED and not values["check"].startswith(identity_check(values, kind)):
            ids = f"{_quoted(values['record_id'])} and {_quoted(values['referral_id'])}"
            yield (
                f"record_id and referral_id: {ids} are not the ids of this row's forecast. They cannot be edited: to "
                "tie another pair, write the referral's id into the record's Referral Identifier, and forecast again."
            )

    def _twice(self, order: Order) -> str:
        """Return what is wrong with confirming a record or a referral a second time."""
        for name, value in (("record_id", order.record_id), ("referral_id", order.referral_id)):
            first = self._seen.setdefault((name, value), order.line) if value else order.line
            if first != order.line:
                return f"{name}: {value} is confirmed in line {first} already. Say yes to one of them."
        return ""


def _decoded(content: bytes) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # An old code page. What is read is ASCII in all of them, and none hides a comma or a quote in a letter.
        return content.decode("latin-1")


def _delimiter(text: str) -> str:
    header = text.lstrip("\r\n").split("\n", 1)[0]
    return max(",;\t", key=header.count)


def _cell(cells: list[str], place: int) -> str:
    return cells[place].strip().strip("\u00a0").strip() if place < len(cells) else ""


def _quoted(text: str) -> str:
    return f"“{printable(text, _LONGEST)}”"
