"""Timer schedules: NCRONTAB expressions and TimeSpans, in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from tools.local.localhost.app import AppError, time_span

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SEARCH = timedelta(days=366 * 40)  # February 29 on a given weekday comes back within 40 years


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def parse(self, text: str) -> frozenset[int]:
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, part: str) -> range:
        span, slash, step = part.partition("/")
        every = self._number(step, 1) if slash else 1
        first, dash, last = span.partition("-")
        if span == "*":
            return range(self.low, self.high + 1, every)
        start = self._value(first)
        # `5/15` runs from 5 to the end of the field; a lone `5` is only 5.
        end = self._value(last) if dash else (self.high if slash else start)
        if end < start:
            raise AppError(f"{self.name}: the range {span!r} runs backwards")
        return range(start, end + 1, every)

    def _value(self, text: str) -> int:
        if text.lower() in self.words:
            return self.low + self.words.index(text.lower())
        value = self._number(text, self.low)
        if value > self.high:
            raise AppError(f"{self.name}: {value} is more than {self.high}")
        return value

    def _number(self, text: str, least: int) -> int:
        if not (text.isascii() and text.isdigit()) or int(text) < least:
            raise AppError(f"{self.name}: {text!r} is not a number from {least} on")
        return int(text)


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _DAYS),
)


@dataclass(frozen=True)
class Cron:
    """A six-field expression `second minute hour day month weekday` (five fields: second 0).

    Day and weekday must both match (NCRONTAB, unlike cron, never joins them with *or*).
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def after(self, moment: datetime) -> datetime:
        """The first occurrence strictly after `moment` (UTC); raises AppError when there is none in 40 years."""
        floor = moment.replace(microsecond=0) + timedelta(seconds=1)
        day, earliest = floor.date(), floor.time()
        while day - floor.date() < _SEARCH:
            found = self._on_this_day(earliest) if self._matches(day.day, day.month, day.isoweekday() % 7) else None
            if found:
                return datetime.combine(day, found, UTC)
            day, earliest = day + timedelta(days=1), time.min
        raise AppError("this schedule never comes round")

    def _matches(self, day: int, month: int, weekday: int) -> bool:
        return month in self.months and day in self.days and weekday in self.weekdays

    def _on_this_day(self, earliest: time) -> time | None:
        for hour in self.hours:
            for minute in self.minutes:
                if (hour, minute) < (earliest.hour, earliest.minute):
                    continue
                for second in self.seconds:
                    if (candidate := time(hour, minute, second)) >= earliest:
                        return candidate
        return None


@dataclass(frozen=True)
class Every:
    """A constant pause between runs."""

    pause: timedelta

    def after(self, moment: datetime) -> datetime:
        """One pause after `moment`."""
        return moment + self.pause


Schedule = Cron | Every


def parse(text: str) -> Schedule:
    """Read a timer trigger's `schedule`; raises AppError that names the field at fault."""
    if ":" in text:
        return Every(time_span(text))
    fields = text.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise AppError(f"{text!r} is neither an NCRONTAB expression (six fields) nor a time span")
    second, minute, hour, day, month, weekday = (f.parse(part) for f, part in zip(_FIELDS, fields, strict=True))
    return Cron(tuple(sorted(second)), tuple(sorted(minute)), tuple(sorted(hour)), day, month, weekday)
