"""`cosell.py share-again`: give the record of a deal that is over a new referral."""

from __future__ import annotations

import argparse

from tools.cli.desk_command import give, parser


def main(args: list[str]) -> int:
    """Order it; 0 when it was accepted, 1 when it was refused, 2 when it cannot be told."""
    return give(_parser().parse_args(args), "share_again")


def _parser() -> argparse.ArgumentParser:
    return parser("share-again", "Give the record of a deal that is over a new referral. The old one stays as history.")
