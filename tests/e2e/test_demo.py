"""The demo's steps are the product's two heart scenarios, and what it does about mistakes."""

import io

import pytest
from rich.console import Console

from tools.local.demo import CHOICES, EVERY_TWO_SECONDS, UNDO_WINDOW
from tools.local.demo.run import perform
from tools.local.demo.steps import steps
from tools.local.stack import Stack
from tools.simulators.faults import Fault
from tools.simulators.sellers import SELLERS


@pytest.mark.timeout(400)
@pytest.mark.parametrize("crm", SELLERS)
def test_every_step_of_the_demo_succeeds(crm: str) -> None:
    told = io.StringIO()
    with Stack(crms=CHOICES[crm], poll_schedule=EVERY_TWO_SECONDS, settings=UNDO_WINDOW) as stack:
        failed = perform(stack, steps(stack), Console(file=told, width=160))
    assert failed == 0, told.getvalue()


def test_with_both_crms_each_has_its_steps() -> None:
    told = io.StringIO()
    with Stack(crms=CHOICES["both"], poll_schedule=EVERY_TWO_SECONDS, settings=UNDO_WINDOW) as stack:
        register, *others = steps(stack)
        half = len(others) // 2
        failed = perform(stack, (register, *others[:4], *others[half : half + 4]), Console(file=told, width=160))
    assert failed == 0, told.getvalue()
    assert [step.seller.name for step in others] == ["dynamics365"] * half + ["salesforce"] * half


def test_what_follows_a_failed_step_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    with Stack() as stack:
        # Nobody polls, and Partner Center answers nobody: both deals never begin.
        stack.vendors.servers["referrals"].faults.inject(Fault("status", times=None))
        monkeypatch.setattr(stack, "eventually", lambda _look, what: (_ for _ in ()).throw(TimeoutError(what)))
        monkeypatch.setattr(stack, "quiet", lambda: stack)
        performed = steps(stack)[1:]
        failed = perform(stack, performed, Console(file=told, width=160))
    assert failed == len(performed) == 16
    assert told.getvalue().count("not done: no deal was shared") == 6
    assert told.getvalue().count("not done: no deal was private") == 2
    assert told.getvalue().count("not done: no deal was received") == 2
