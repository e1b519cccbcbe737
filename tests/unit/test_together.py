"""Change feeds that are asked for together: what fails on the way is asked for alone, and not tried for ever."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.crm.together import Together
from shared.errors import AccessDenied, CosellError, DataError, ServiceUnavailable
from shared.problems import problem
from tests.support.stand_ins import ManualClock


class Vendor:
    """Answers in capitals, but for what it refuses; notes what it was asked at once."""

    def __init__(self, *refused: str, error: CosellError | None = None) -> None:
        self.refused = refused
        self.error = error
        self.asked: list[list[str]] = []

    def ask(self, questions: Sequence[str]) -> list[str | None]:
        self.asked.append(list(questions))
        if self.error:
            raise self.error
        return [None if each in self.refused else each.upper() for each in questions]


def polled(together: Together[str, str], vendor: Vendor) -> list[str]:
    """What two tables are answered together; a dash for who is to ask alone."""
    together.expect("leads", "b")
    answers = [together.take(table, question, vendor.ask) for table, question in (("deals", "a"), ("leads", "b"))]
    return [each.answer if each else "-" for each in answers]


def test_the_first_to_ask_takes_the_others_along() -> None:
    vendor, clock = Vendor(), ManualClock()
    together = Together[str, str](clock)
    begun = clock.now()
    together.expect("leads", "b")
    first = together.take("deals", "a", vendor.ask)
    clock.sleep(60)
    second = together.take("leads", "b", vendor.ask)
    assert first
    assert second
    assert (first.seen_at, second.seen_at) == (begun, begun), "it is as old as the question"
    assert vendor.asked == [["a", "b"]]


def test_nobody_expected_is_nothing_to_ask_together() -> None:
    vendor, together = Vendor(), Together[str, str](ManualClock())
    assert together.take("deals", "a", vendor.ask) is None
    assert vendor.asked == []


def test_an_answer_to_another_question_is_none() -> None:
    vendor, together = Vendor(), Together[str, str](ManualClock())
    together.expect("leads", "b")
    together.take("deals", "a", vendor.ask)
    assert together.take("leads", "c", vendor.ask) is None


@pytest.mark.parametrize(("refused", "answers"), [("a", ["-", "B"]), ("b", ["A", "-"])])
def test_what_fails_on_the_way_is_asked_alone_and_fails_nobody_else(refused: str, answers: list[str]) -> None:
    vendor, together = Vendor(refused), Together[str, str](ManualClock())
    assert polled(together, vendor) == answers
    assert polled(together, vendor) == answers, "as long as it fails alone, too, the others are asked together"
    assert len(vendor.asked) == 2


def test_what_fails_together_and_goes_well_alone_is_not_tried_together_again() -> None:
    vendor, together = Vendor("b"), Together[str, str](ManualClock())
    polled(together, vendor)
    together.alone("deals")
    assert polled(together, vendor) == ["A", "-"], "what was not tried together says nothing"
    together.alone("leads")
    assert polled(together, vendor) == ["-", "-"]
    assert len(vendor.asked) == 2


@pytest.mark.parametrize(
    "error", [AccessDenied("no"), DataError(problem("crm.refused", "record", crm="X", message="no"))]
)
def test_where_asking_together_is_refused_everybody_asks_alone(error: CosellError) -> None:
    vendor, together = Vendor(error=error), Together[str, str](ManualClock())
    assert polled(together, vendor) == ["-", "-"]
    assert polled(together, vendor) == ["-", "-"]
    assert len(vendor.asked) == 1


def test_an_outage_is_the_polls_failure_and_changes_nothing() -> None:
    vendor, together = Vendor(error=ServiceUnavailable("down")), Together[str, str](ManualClock())
    with pytest.raises(ServiceUnavailable):
        polled(together, vendor)
    vendor.error = None
    assert polled(together, vendor) == ["A", "B"]
