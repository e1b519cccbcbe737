"""`cosell.py unlink`: take the two sides of a deal apart."""

from __future__ import annotations

import argparse

from tools.cli.desk_command import give, parser


def main(args: list[str]) -> int:
    """Order it; 0 when it was accepted, 1 when it was refused, 2 when it cannot be told."""
    return give(_parser().parse_args(args), "unlink")


def _parser() -> argparse.ArgumentParser:
    return parser(
        "unlink", "Take the two sides of a deal apart. Both keep what they hold, and do not link again by themselves."
    )
