"""`python -m tools.local.localhost --root DIR`: the host as a process of its own, for tests and the demo.

Prints one line of JSON when it is ready: `ready`, `url`, `keys`, `functions`, `load_errors`. SIGTERM stops it.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from tools.local.localhost import LocalHost
from tools.local.localhost.logs import log_to


def main() -> int:
    """Serve until told to stop; 1 when a function would not finish."""
    options = _parser().parse_args()
    log_to(options.log)
    settings = _settings(options.settings) if options.settings else {}
    host = LocalHost(options.root, settings, port=options.port, auth=options.auth, state=options.state)
    host.start()
    ready = {
        "ready": True,
        "url": host.url,
        "keys": host.keys.to_json(),
        "functions": host.functions,
        "load_errors": host.load_errors,
    }
    print(json.dumps(ready), flush=True)
    if host.run_forever():
        return 0
    os._exit(1)  # a function that never ends holds a thread that an ordinary exit would wait for


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.local.localhost")
    parser.add_argument("--root", type=Path, required=True, help="the app: the folder with host.json")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--settings", type=Path, help="JSON file with app settings, flat or as local.settings.json")
    parser.add_argument("--state", type=Path, help="folder for keys and timer status")
    parser.add_argument("--log", type=Path, help="log file; default: standard error")
    parser.add_argument("--auth", action="store_true", help="check function keys")
    return parser


def _settings(file: Path) -> dict[str, str]:
    document = json.loads(file.read_text())
    return {name: str(value) for name, value in document.get("Values", document).items()}


if __name__ == "__main__":
    sys.exit(main())
