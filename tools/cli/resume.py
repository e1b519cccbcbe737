"""`cosell.py resume`: let a deal go on that a person paused."""

from __future__ import annotations

import argparse

from tools.cli.desk_command import give, parser


def main(args: list[str]) -> int:
    """Order it; 0 when it was accepted, 1 when it was refused, 2 when it cannot be told."""
    return give(_parser().parse_args(args), "resume")


def _parser() -> argparse.ArgumentParser:
    return parser("resume", "Let a deal go on that a person paused: what changed meanwhile is carried over.")
