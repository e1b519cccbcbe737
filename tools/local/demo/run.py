"""Performs steps and prints what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests
from rich.console import Console
from rich.table import Table

from tools.local.stack import Calls, Stack
from tools.simulators.sellers.seller import Seller


class StepFailed(Exception):
    """A step did not end as it should; the text says how it ended."""


FAILURES = (StepFailed, TimeoutError, LookupError, requests.RequestException)
"""How a step may end: unmet, late, in a state that the seller cannot name, or without the app's answer."""


@dataclass(frozen=True)
class Step:
    """One thing a person does, and the check that the other side followed.

    `act` does it and returns what happened in words; it raises one of FAILURES. The calls to the CRM of
    `seller` are counted.
    """

    title: str
    act: Callable[[], str]
    seller: Seller


@dataclass(frozen=True)
class _Result:
    step: Step
    text: str
    succeeded: bool
    calls: Calls
    seconds: float


def perform(stack: Stack, steps: Sequence[Step], console: Console) -> int:
    """Perform the steps in order, print the table, and return how many failed."""
    results = []
    for step in steps:
        with console.status(step.title):
            result = _perform(stack, step)
        console.print(f"  {'✔' if result.succeeded else '✖'} {step.title}  [dim]{result.seconds:.1f} s[/dim]")
        results.append(result)
    console.print(_table(results))
    return sum(not result.succeeded for result in results)


def _perform(stack: Stack, step: Step) -> _Result:
    before, start = stack.calls(step.seller), time.monotonic()
    try:
        text, succeeded = step.act(), True
    except FAILURES as error:
        text, succeeded = str(error), False
    seconds = time.monotonic() - start
    try:
        stack.quiet()  # so that the calls of one step's echoes are not counted for the next
    except TimeoutError as error:
        text, succeeded = f"{text}; afterwards {error}", False
    return _Result(step, text, succeeded, stack.calls(step.seller) - before, seconds)


def _table(results: Sequence[_Result]) -> Table:
    table = Table(title="What happened", show_lines=True)
    table.add_column("step", ratio=3)
    table.add_column("what happened", ratio=6)
    table.add_column("calls: PC / CRM\n(+ polls)", justify="right")
    table.add_column("seconds", justify="right")
    for result in results:
        calls = f"{result.calls.partner_center} / {result.calls.crm} (+{result.calls.polls})"
        style = "" if result.succeeded else "red"
        mark = "✔" if result.succeeded else "✖"
        table.add_row(f"{mark} {result.step.title}", result.text, calls, f"{result.seconds:.1f}", style=style)
    return table
