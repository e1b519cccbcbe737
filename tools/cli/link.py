"""`cosell.py link`: make a referral and a record that exist one deal."""

from __future__ import annotations

import argparse

from tools.cli.desk_command import give, parser


def main(args: list[str]) -> int:
    """Order it; 0 when it was accepted, 1 when it was refused, 2 when it cannot be told."""
    return give(_parser().parse_args(args), "link", "record", "table")


def _parser() -> argparse.ArgumentParser:
    about = "Make a referral and a record that exist one deal: nothing is cleared, and a closed side is not written."
    made = parser("link", about, deal="the id of the referral")
    made.add_argument("record", help="the id of the record in the CRM; its Sync must be on")
    made.add_argument("--table", default="", help="the record's table, where it is not the opportunities'")
    return made
