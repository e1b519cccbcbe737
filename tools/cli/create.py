"""`cosell.py create`: make a record of a referral that looks like a deal which the customer has already."""

from __future__ import annotations

import argparse

from tools.cli.desk_command import give, parser


def main(args: list[str]) -> int:
    """Order it; 0 when it was accepted, 1 when it was refused, 2 when it cannot be told."""
    return give(_parser().parse_args(args), "create")


def _parser() -> argparse.ArgumentParser:
    about = "Make a record of a referral that waits, since it looks like a deal that its customer has open already."
    return parser("create", about, deal="the id of the referral")
