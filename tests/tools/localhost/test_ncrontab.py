from datetime import UTC, datetime, timedelta

import pytest

from tools.local.localhost.app import AppError
from tools.local.localhost.ncrontab import parse

SUNDAY = "2026-11-22T10:11:12"


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * * *", SUNDAY, "2026-11-22T10:11:13"),
        ("0 * * * * *", SUNDAY, "2026-11-22T10:12:00"),
        ("0 * * * * *", "2026-11-22T10:12:00", "2026-11-22T10:13:00"),
        ("0 */5 * * * *", SUNDAY, "2026-11-22T10:15:00"),
        ("0 */10 * * * *", "2026-12-31T23:55:00", "2027-01-01T00:00:00"),
        ("15 10,12,50 * * * *", SUNDAY, "2026-11-22T10:12:15"),
        ("10-14/2 11 10 * * *", SUNDAY, "2026-11-22T10:11:14"),
        ("0 5/15 * * * *", SUNDAY, "2026-11-22T10:20:00"),
        ("0 0 9-17 * * *", "2026-11-22T17:00:00", "2026-11-23T09:00:00"),
        ("0 30 9 * * Mon-Fri", SUNDAY, "2026-11-23T09:30:00"),
        ("0 30 9 * * SUN", SUNDAY, "2026-11-29T09:30:00"),
        ("0 0 0 1 Jan,jul *", SUNDAY, "2027-01-01T00:00:00"),
        ("0 0 0 31 * *", SUNDAY, "2026-12-31T00:00:00"),
        ("0 0 0 29 2 *", SUNDAY, "2028-02-29T00:00:00"),
        ("0 0 0 29 2 1", SUNDAY, "2044-02-29T00:00:00"),  # both: the next leap day that is a Monday
        ("0 0 0 13 * 5", SUNDAY, "2027-08-13T00:00:00"),  # both, not either: the next Friday the 13th
        ("*/5 * * * *", SUNDAY, "2026-11-22T10:15:00"),  # five fields: at second 0
        ("00:05:00", SUNDAY, "2026-11-22T10:16:12"),
        ("1.00:00:30", SUNDAY, "2026-11-23T10:11:42"),
    ],
)
def test_next_occurrence(schedule: str, after: str, expected: str) -> None:
    found = parse(schedule).after(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_occurrences_are_strictly_later_than_a_fraction_of_a_second() -> None:
    moment = datetime(2026, 11, 22, 10, 11, 12, 999_999, UTC)
    assert parse("* * * * * *").after(moment) - moment == timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("schedule", "complaint"),
    [
        ("", "six fields"),
        ("* * * *", "six fields"),
        ("0 60 * * * *", "minute: 60"),
        ("0 0 24 * * *", "hour: 24"),
        ("0 0 0 0 * *", "day: '0'"),
        ("0 0 0 1 Foo *", "month: 'Foo'"),
        ("0 0 0 * * 7", "day of week: 7"),
        ("0 */0 * * * *", "minute: '0'"),
        ("0 20-10 * * * *", "backwards"),
        ("5:00", "time span"),
    ],
)
def test_refuses(schedule: str, complaint: str) -> None:
    with pytest.raises(AppError, match=complaint):
        parse(schedule)


def test_a_day_that_never_comes_is_an_error() -> None:
    with pytest.raises(AppError, match="never"):
        parse("0 0 0 31 2 *").after(datetime(2026, 11, 22, tzinfo=UTC))
