"""The file that a person edits: read back from any spreadsheet, and every mistake told by its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from shared.mapping.pairing import Score
from tools.admin.adopt.forecast import PARTNER_CENTER, Kind, Row, Write
from tools.admin.adopt.sheet import HEADER, Order, SheetRows, read_sheet

A, B = "7e1d7c0a-2b7c-4c0e-8c0a-7d4a3c1f9b20", "8f3c2a10-5b1e-4e0f-9a52-0c8d1f6b7e33"
WRITE = Write(PARTNER_CENTER, "deal_value", "1", "2", "the CRM wins")
ROWS = [
    Row("dynamics365", "opportunity", Kind.WRITE, A, B, '한빛, "Deal"', Score(1.0, ("by id",)), (WRITE,)),
    Row("dynamics365", "opportunity", Kind.LINK, B, A, "=HYPERLINK(1)", Score(0.75, ("same customer name",))),
    Row("dynamics365", "opportunity", Kind.CREATE_REFERRAL, "c", "", "New\n; +1", made_of="abc"),
    Row("dynamics365", "opportunity", Kind.CLOSED, "d", "e", "Old"),
]


def lines(rows: list[Row]) -> list[list[str]]:
    text = io.StringIO()
    sheet = SheetRows(text)
    for row in rows:
        sheet.add(row)
    return list(csv.reader(io.StringIO(text.getvalue())))


def decided(*decisions: str, edit: Callable[[list[list[str]]], None] = lambda _cells: None) -> list[list[str]]:
    cells = lines(ROWS)
    for line, decision in zip(cells[1:], decisions, strict=False):
        line[0] = decision
    edit(cells)
    return cells


def saved(cells: list[list[str]], delimiter: str = ",", encoding: str = "utf-8-sig", newline: str = "\r\n") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(cells)
    return text.getvalue().encode(encoding)


def test_a_row_is_written_for_a_person_and_harmless_in_a_spreadsheet() -> None:
    header, first, second, third, fourth = lines(ROWS)
    assert tuple(header) == HEADER
    assert first[:3] == ["yes", "write", "1.00"]
    assert (first[7], first[9]) == ('한빛, "Deal"', "deal_value in Partner Center: 1 → 2 (the CRM wins)")
    assert (second[0], second[2], second[7]) == ("", "0.75", "'=HYPERLINK(1)")
    assert third[7] == "New⏎; '+1"
    assert (fourth[0], fourth[1], fourth[-1]) == ("", "closed", "")


@pytest.mark.parametrize(
    ("delimiter", "encoding", "newline"),
    [
        (",", "utf-8-sig", "\r\n"),
        (";", "utf-8-sig", "\r\n"),
        (";", "cp1252", "\n"),
        ("\t", "utf-16", "\r\n"),
        (",", "cp949", "\r\n"),
        (",", "utf-8", "\r"),
    ],
)
def test_whatever_spreadsheet_saved_it_the_decisions_are_read(delimiter: str, encoding: str, newline: str) -> None:
    def plain(cells: list[list[str]]) -> None:
        for line in cells:
            line[:] = [each.encode(encoding, "replace").decode(encoding) for each in line]

    sheet = read_sheet(saved(decided("YES", " no ", "", edit=plain), delimiter, encoding, newline))
    assert sheet.mistakes == ()
    assert sheet.undecided == 1
    first, second = (ROWS[0].check, True), (ROWS[1].check, False)
    assert [(each.check, each.confirmed) for each in sheet.orders] == [first, second]
    assert sheet.orders[0] == Order(2, Kind.WRITE, "dynamics365", "opportunity", A, B, ROWS[0].check, confirmed=True)


def _another_id(cells: list[list[str]]) -> None:
    cells[1][6] = A


def _twice(cells: list[list[str]]) -> None:
    cells.append(list(cells[1]))


def _no_check(cells: list[list[str]]) -> None:
    for line in cells:
        del line[-1]


def _other_kind(cells: list[list[str]]) -> None:
    cells[1][1] = "create referral"


def _unknown_kind(cells: list[list[str]]) -> None:
    cells[1][1] = "do it"


@pytest.mark.parametrize(
    ("decisions", "edit", "told"),
    [
        (("=yes()",), None, "line 2: decision: “=yes()” is neither yes, no nor empty."),
        (("ok",), None, "line 2: decision: “ok” is neither yes, no nor empty."),
        (
            ("yes",),
            _another_id,
            f"line 2: record_id and referral_id: “{A}” and “{A}” are not the ids of this row's forecast.",
        ),
        (("yes",), _other_kind, "line 2: record_id and referral_id: "),
        (("yes",), _unknown_kind, "line 2: would: “do it” is not what the forecast wrote."),
        (("yes",), _twice, f"record_id: {A} is confirmed in line 2 already. Say yes to one of them."),
        (("", "", "", "yes"), None, "decision: nothing can be confirmed about a row that says closed."),
        (("yes",), _no_check, "line 1: there is no column check."),
    ],
)
def test_a_mistake_is_told_by_its_line(
    decisions: tuple[str, ...], edit: Callable[[list[list[str]]], None] | None, told: str
) -> None:
    sheet = read_sheet(saved(decided(*decisions, edit=edit or (lambda _cells: None))))
    (mistake,) = sheet.mistakes
    assert told in mistake


def test_every_mistake_is_told_at_once() -> None:
    sheet = read_sheet(saved(decided("maybe", "=1+1", "+")))
    assert [each.split(":")[0] for each in sheet.mistakes] == ["line 2", "line 3", "line 4"]


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b"\x00\xff", bytes(range(256)), b'"', b"PK\x03\x04"]
)
def test_what_is_no_forecast_is_refused_and_never_raises(content: bytes) -> None:
    sheet = read_sheet(content)
    assert len(sheet.mistakes) == 1
    assert sheet.orders == ()


def test_a_long_cell_does_not_stop_the_reading() -> None:
    row = Row("dynamics365", "opportunity", Kind.LINK, A, B, "n" * 200_000, Score(1.0, ()), notes=("x" * 200_000,))
    sheet = read_sheet(saved(lines([row])))
    assert (len(sheet.orders), sheet.mistakes) == (1, ())
