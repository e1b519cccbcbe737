"""`cosell.py pause`: let nothing more travel between the two sides of a deal."""

from __future__ import annotations

import argparse

from tools.cli.desk_command import give, parser


def main(args: list[str]) -> int:
    """Order it; 0 when it was accepted, 1 when it was refused, 2 when it cannot be told."""
    return give(_parser().parse_args(args), "pause")


def _parser() -> argparse.ArgumentParser:
    return parser(
        "pause",
        "Let nothing more travel between a deal's two sides until it is resumed; the record's Sync does not resume it.",
    )
