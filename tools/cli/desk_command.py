"""What `status`, `explain` and the commands that order something have in common."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shared.desk.answers import Answer
from shared.desk.desk import Desk
from shared.errors import CosellError
from tools.admin.asked import QUEUE, STORAGE, Part
from tools.admin.desks import desk_of, order, problem_lines
from tools.cli import local_settings
from tools.cli.configured import KNOWN, app_with_ledger
from tools.cli.terminal import say, warn

OK, FINDINGS, FAILED = 0, 1, 2


def run(options: argparse.Namespace, work: Callable[[Desk], int], *parts: Part) -> int:
    """Open the desk and do the work; 2, with a line that says why, when it cannot be opened or does not answer."""
    try:
        local_settings.into_environment(options, needed=False)
        return work(desk_of(app_with_ledger([], STORAGE, QUEUE, *parts)))
    except CosellError as error:
        warn(f"✖ {error}")
        return FAILED


def tell(answer: Answer, lines: Callable[[Mapping[str, Any]], Iterable[str]], *, as_json: bool) -> None:
    """Print an answer, for a program or for a person."""
    if as_json:
        print(json.dumps(answer.content, indent=2, ensure_ascii=False))
        return
    for line in problem_lines(answer.content) if "error" in answer.content else lines(answer.content):
        say(line)


def give(options: argparse.Namespace, action: str, *more: str) -> int:
    """Order something about a deal; 0 when it was accepted, 1 when it was refused, 2 for a wrong use."""
    named = {name: getattr(options, name) for name in ("deal", "crm", *more) if getattr(options, name)}

    def work(desk: Desk) -> int:
        answer = order(desk, {"action": action, **named})
        tell(answer, lambda content: [f"✔ {content['will']}"], as_json=options.json)
        return {202: OK, 400: FAILED}.get(answer.status, FINDINGS)

    return run(options, work)


def parser(
    command: str, about: str, *, deal: str = "the id of the deal's referral, or of its record"
) -> argparse.ArgumentParser:
    """Return a command's parser; an empty `deal` leaves that argument out."""
    made = argparse.ArgumentParser(prog=f"cosell.py {command}", description=about)
    if deal:
        made.add_argument("deal", help=deal)
    made.add_argument("--crm", choices=KNOWN, default="", help="only this CRM's")
    made.add_argument("--json", action="store_true", help="print the answer as data, as StatusPage gives it")
    local_settings.add_arguments(made)
    return made
