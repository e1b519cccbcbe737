"""What the Functions host reads before any code of ours runs: without it a function is simply not there."""

from __future__ import annotations

import json
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.admin.doctor.report import CORRECT, Line, Owner, bad, good, look
from tools.local.localhost.app import AppError
from tools.local.localhost.ncrontab import parse

_SETTING = re.compile(r"%(\w+)%")
_QUEUE = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LONGEST_QUEUE = 63 - len("-poison")
_SUBJECT = "functions"


def examine_installation(environment: Mapping[str, str], root: Path) -> Iterator[Line]:
    """Yield whether the host can load every function with these settings."""
    lines = [*_host(root / "host.json"), *_functions(environment, root)]
    yield from lines
    if not lines:
        yield good(_SUBJECT, "the host can load every function; schedules and queue name are right")
    yield from _file_mode(root / "local.settings.json")


def _host(path: Path) -> Iterator[Line]:
    restore = "restore host.json as the repository has it, and publish again"
    try:
        host = json.loads(path.read_text(encoding="utf-8"))
        queues, http = (host.get("extensions", {}).get(name, {}) for name in ("queues", "http"))
        bundle = host.get("extensionBundle", {}).get("id")
    except (OSError, ValueError, AttributeError) as error:
        yield bad("host.json", f"cannot be read ({type(error).__name__}): no function starts", Owner.AZURE, restore)
        return
    wrong = {
        "version must be 2.0": host.get("version") != "2.0",
        "extensionBundle is missing, so that queues are not read": not bundle,
        "queues.messageEncoding must be base64, as messages are written": queues.get("messageEncoding", "base64")
        != "base64",
        "http.routePrefix must be api, as Partner Center is told": http.get("routePrefix", "api") != "api",
    }
    for what in (text for text, found in wrong.items() if found):
        yield bad("host.json", what, Owner.AZURE, restore)


def _functions(environment: Mapping[str, str], root: Path) -> Iterator[Line]:
    for path in sorted(root.glob("*/function.json")):
        for binding in json.loads(path.read_text(encoding="utf-8"))["bindings"]:
            yield from _binding(environment, path.parent.name, binding)


def _binding(environment: Mapping[str, str], function: str, binding: Mapping[str, object]) -> Iterator[Line]:
    for key, check in (("schedule", _schedule_problem), ("queueName", _queue_problem)):
        text = str(binding.get(key, ""))
        named = _SETTING.fullmatch(text)
        if named is None:
            continue
        value = environment.get(named[1], "").strip()
        problem = check(value) if value else "is not set"
        if problem:
            yield bad("settings", f"{named[1]}: {problem}; {function} does not start", Owner.AZURE, CORRECT)


def _schedule_problem(text: str) -> str:
    """A time span is a schedule only where the app is always on, which it is not on the usual plans."""
    if ":" in text:
        return "must be six fields, such as 0 */10 * * * *; a time span works on dedicated plans only"
    try:
        parse(text)
    except AppError as error:
        return f"is no schedule ({error})"
    return ""


def _queue_problem(text: str) -> str:
    if _QUEUE.fullmatch(text) and len(text) <= _LONGEST_QUEUE:
        return ""
    rule = f"3 to {_LONGEST_QUEUE} lower-case letters, digits and single dashes, no dash at either end"
    return f"{text!r} is no queue name ({rule})"


def _file_mode(path: Path) -> Iterator[Line]:
    """Yield whether others on this machine can read the secrets; Windows has no such bits."""
    if sys.platform == "win32" or not path.exists():
        return
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"others on this machine may read it ({stat.filemode(path.stat().st_mode)}), and it holds secrets"
        yield look("local.settings.json", text, Owner.AZURE, "chmod 600 local.settings.json")
