"""The demo's steps are the product's two heart scenarios."""

import io

from rich.console import Console

from tools.demo.run import perform
from tools.demo.steps import steps
from tools.stage import Stage


def test_every_step_of_the_demo_succeeds(crm: str) -> None:
    told = io.StringIO()
    with Stage(crms=(crm,), poll_schedule="*/2 * * * * *") as stage:
        failed = perform(stage, steps(stage), Console(file=told, width=160))
    assert failed == 0, told.getvalue()
