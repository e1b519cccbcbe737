"""`cosell.py explain`: one deal, field by field, with what comes next."""

from __future__ import annotations

import argparse

from shared.desk.answers import look
from shared.desk.desk import Desk
from tools.admin.asked import CRM, KEEPING, PARTNER_CENTER
from tools.admin.desks import deal_lines
from tools.cli.desk_command import FAILED, FINDINGS, OK, parser, run, tell


def main(args: list[str]) -> int:
    """Show it; 0 for a deal that needs nobody, 1 for one that does or is not known, 2 when it cannot be told."""
    options = _parser().parse_args(args)

    def work(desk: Desk) -> int:
        answer = look(desk, {"deal": options.deal, "crm": options.crm, "look": "now" if options.look else ""})
        tell(answer, deal_lines, as_json=options.json)
        if answer.status not in (200, 404):
            return FAILED
        link = answer.content.get("link")
        needs = not isinstance(link, dict) or link["standing"] in ("attention", "differs", "orphaned", "parked")
        return FINDINGS if needs or answer.content["problems"] else OK

    return run(options, work, *((CRM, PARTNER_CENTER, KEEPING) if options.look else ()))


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "explain", "Explain one deal: every field with both values, what was agreed, why, and what comes next."
    )
    made.add_argument("--look", action="store_true", help="read both sides as they are now; nothing is written")
    return made
