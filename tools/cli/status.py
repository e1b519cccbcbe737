"""`cosell.py status`: how every deal stands, and what waits for a person."""

from __future__ import annotations

import argparse

from shared.desk.answers import look
from shared.desk.desk import Desk
from shared.desk.overview import STANDINGS
from tools.admin.desks import overview_lines
from tools.cli.desk_command import FAILED, FINDINGS, OK, parser, run, tell


def main(args: list[str]) -> int:
    """Show it; 0 when everything works, 1 when something needs a person, 2 when it cannot be told."""
    options = _parser().parse_args(args)

    def work(desk: Desk) -> int:
        params = {name: getattr(options, name) for name in ("crm", "standing", "after")}
        answer = look(desk, params)
        tell(answer, overview_lines, as_json=options.json)
        if answer.status != 200:
            return FAILED
        return OK if answer.content["health"] == "ok" else FINDINGS

    return run(options, work)


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "status", "Show how every deal stands: what needs a person, what is parked and why, deadlines.", deal=""
    )
    made.add_argument("--standing", choices=STANDINGS, default="", help="list the deals that stand so")
    made.add_argument("--after", default="", help="go on behind this referral id")
    return made
