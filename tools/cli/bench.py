"""`cosell.py bench`: how fast, against whom, in one run."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.bench.rows import Row

BENCHES = (
    "mapping",
    "signature",
    "planning",
    "storage",
    "status",
    "feeds",
    "imports",
    "package",
    "receiver",
    "burst",
    "share",
    "memory",
)


def main(args: list[str]) -> int:
    """Run the named benches, or all; 1 when outputs differ, or with --assert when a target is missed."""
    parser = argparse.ArgumentParser(prog="cosell.py bench", description="Measure against peers doing the same work.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(BENCHES)} (default: all)")
    parser.add_argument(
        "--rounds", type=_positive, default=25, help="interleaved rounds; the median counts (default 25)"
    )
    parser.add_argument("--assert", dest="strict", action="store_true", help="fail when a target is missed")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    options = parser.parse_args(args)
    unknown = sorted(set(options.names) - set(BENCHES))
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there is {', '.join(BENCHES)}")
    rows: list[Row] = []
    for name in options.names or BENCHES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            rows += importlib.import_module(f"tools.bench.{name}").run(options.rounds)
        except AssertionError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    _tell(rows, as_json=options.json)
    return 1 if options.strict and not all(row.met for row in rows) else 0


def _tell(rows: list[Row], *, as_json: bool) -> None:
    from tools.bench.rows import table

    print(json.dumps([row.as_json() for row in rows], indent=2) if as_json else table(rows))


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError("must be a whole number from 1")
    return number
