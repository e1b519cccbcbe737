"""`cosell.py bench`: how fast, against whom, in one run."""

import argparse
import importlib

BENCHES = ("mapping", "signature", "receiver")


def main(args: list[str]) -> int:
    """Run the named benches, or all; 1 when outputs differ, or with --assert when a target is missed."""
    parser = argparse.ArgumentParser(prog="cosell.py bench", description="Measure against peers doing the same work.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(BENCHES)} (default: all)")
    parser.add_argument("--rounds", type=int, default=25, help="interleaved rounds; the median counts (default 25)")
    parser.add_argument("--assert", dest="strict", action="store_true", help="fail when a target is missed")
    options = parser.parse_args(args)
    unknown = sorted(set(options.names) - set(BENCHES))
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there is {', '.join(BENCHES)}")
    missed = False
    for name in options.names or BENCHES:
        try:
            result = importlib.import_module(f"tools.bench.{name}").run(options.rounds)
        except AssertionError as error:
            print(f"{name}: {error}")
            return 1
        print(result, flush=True)
        missed |= not result.met
    return 1 if missed and options.strict else 0
