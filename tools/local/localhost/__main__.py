"""`python -m tools.local.localhost --root DIR`: the host as a separate process, for tests and the demo.

Prints one line of JSON when it is ready: `ready`, `url`, `keys`, `functions`, `load_errors`, `load_seconds`,
`worker_pid`. SIGTERM stops it, and with --leash the end of its standard input.
"""

import argparse
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tools.local.localhost import absent

absent.hide()

from tools.local.localhost.host import LocalHost  # noqa: E402
from tools.local.localhost.logs import log_to  # noqa: E402
from tools.local.localhost.runtime import WORKER  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; 1 when a function would not finish."""
    options = _parser().parse_args(arguments)
    log_to(options.log)
    settings = _settings(options.settings) if options.settings else {}
    host = LocalHost(
        options.root,
        settings,
        port=options.port,
        auth=options.auth,
        state=options.state,
        lock=options.lock,
        worker=options.worker or WORKER,
        log_file=options.log,
    )
    if options.leash:
        threading.Thread(target=_follow, args=(host,), name="leash", daemon=True).start()
    host.start()
    ready = {
        "ready": True,
        "url": host.url,
        "keys": host.keys.to_json(),
        "functions": host.functions,
        "load_errors": host.load_errors,
        "load_seconds": host.load_seconds,
        "worker_pid": host.worker_pid,
    }
    print(json.dumps(ready), flush=True)
    if host.run_forever():
        return 0
    os._exit(1)  # a function that never ends holds a thread that an ordinary exit would wait for


def _follow(host: LocalHost) -> None:
    """Stop the host when its standard input ends, which is when its parent has ended."""
    while os.read(0, 1024):  # not through sys.stdin, whose lock would outlast this thread at exit
        pass
    host.ask_to_stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.local.localhost")
    parser.add_argument("--root", type=Path, required=True, help="the app: the folder with host.json")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--settings", type=Path, help="JSON file with app settings, flat or as local.settings.json")
    parser.add_argument("--state", type=Path, help="folder for keys and timer status")
    parser.add_argument("--log", type=Path, help="log file; default: standard error")
    parser.add_argument("--auth", action="store_true", help="check function keys")
    parser.add_argument("--lock", type=int, help="seconds for which a message in progress is hidden; default: 600")
    parser.add_argument("--worker", type=json.loads, help="the command that runs the app, as JSON")
    parser.add_argument("--leash", action="store_true", help="stop when standard input ends")
    return parser


def _settings(file: Path) -> dict[str, str]:
    document = json.loads(file.read_text())
    return {name: str(value) for name, value in document.get("Values", document).items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
