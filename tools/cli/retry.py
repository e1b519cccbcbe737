"""`cosell.py retry`: have deals looked at again, now."""

from __future__ import annotations

import argparse
from itertools import count

from shared.desk.answers import Answer
from shared.desk.desk import Desk
from shared.ledger.model import DueKind
from tools.admin.desks import order
from tools.cli.desk_command import FAILED, OK, give, parser, run, tell
from tools.cli.terminal import warn


def main(args: list[str]) -> int:
    """Order it; 0 when it was accepted, 1 when it was refused, 2 when it cannot be told."""
    options = _parser().parse_args(args)
    if options.all == bool(options.deal):
        warn("✖ name one deal, or --all")
        return FAILED
    return run(options, lambda desk: _all(desk, options)) if options.all else give(options, "retry")


def _all(desk: Desk, options: argparse.Namespace) -> int:
    """Order every parked deal to be looked at, one message each."""
    done = count()
    for crm in [options.crm] if options.crm else desk.crms:
        for due in list(desk.of(crm).agenda.all(DueKind.PARKED)):
            if order(desk, {"action": "retry", "deal": due.key, "crm": crm}).status == 202:
                next(done)
    total = next(done)
    answer = Answer(202, {"action": "retry", "count": total, "will": f"{total} parked deals are looked at again."})
    tell(answer, lambda content: [f"✔ {content['will']}"], as_json=options.json)
    return OK


def _parser() -> argparse.ArgumentParser:
    about = "Read both sides of a deal again, whatever is remembered of them, and bring it into agreement."
    made = parser("retry", about, deal="")
    made.add_argument("deal", nargs="?", default="", help="the id of the deal's referral, or of its record")
    made.add_argument("--all", action="store_true", help="every deal that is parked")
    return made
