"""What is said on the terminal: texts of vendors and deals among it, which must not steer it."""

from __future__ import annotations

import sys

from shared.printable import printable


def say(*parts: object) -> None:
    """Print one or more lines; whatever would move the cursor, color or rename the window is shown instead."""
    text = " ".join(map(str, parts))
    print("\n".join(printable(line) for line in text.split("\n")), flush=True)


def warn(*parts: object) -> None:
    """Print the same on standard error: where a program reads the answer, nothing else stands beside it."""
    text = " ".join(map(str, parts))
    print("\n".join(printable(line) for line in text.split("\n")), file=sys.stderr, flush=True)
