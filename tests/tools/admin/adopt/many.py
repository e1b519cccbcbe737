"""Moves ten thousand deals in: what is performed is what was forecast, and memory stays small.

`python -m tests.tools.admin.adopt.many --deals 10000`, and a part of `cosell.py test --nightly`.
"""

from __future__ import annotations

import argparse
import sys

from tests.tools.admin.adopt.test_apply import move_in
from tests.tools.admin.adopt.test_memory import ENTRY, peak
from tests.tools.admin.adopt.town import STATES


def main(args: list[str]) -> int:
    """Print the figures; fails with an AssertionError where they are not as they should be."""
    parser = argparse.ArgumentParser(description="Move many deals in.")
    parser.add_argument("--deals", type=int, default=10_000, help="how many at least (default 10,000)")
    deals = parser.parse_args(args).deals
    done = move_in(-(-deals // len(STATES)))
    print(f"{done:>9,} deals moved in, each exactly as it was forecast", flush=True)
    peak(100)  # What is made once, such as compiled paths.
    small, large = peak(min(deals, 300)), peak(deals)
    each = (large - small) / max(deals - 300, 1)
    print(f"{deals:>9,} deals forecast within {large / 1e6:.1f} MB, {each:.0f} bytes a deal")
    return 0 if each < ENTRY else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
