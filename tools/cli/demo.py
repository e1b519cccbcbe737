"""`cosell.py demo`: both synchronization scenarios on this machine."""

import importlib


def main(args: list[str]) -> int:
    """Hand over to `tools.local.demo`, which is heavy and therefore imported only here."""
    return int(importlib.import_module("tools.local.demo").main(args) or 0)
