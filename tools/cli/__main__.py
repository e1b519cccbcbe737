"""`python -m tools.cli <command> [options]`, run by cosell.py inside `.venv`."""

import importlib
import sys

from tools.cli.commands import COMMANDS, usage


def main(argv: list[str]) -> int:
    """Run one command and return its exit code; each module's `main(args)` parses its own options."""
    if not argv or argv[0] not in COMMANDS:
        print(usage(), file=sys.stderr)
        return 2
    command = importlib.import_module(f"tools.cli.{argv[0].replace('-', '_')}")
    return int(command.main(argv[1:]) or 0)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
