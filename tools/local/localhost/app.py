"""A folder-per-function app read from disk, as the Functions host reads it. Nothing here runs the app's code."""

import copy
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

_SETTING = re.compile(r"%([^%]+)%")
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d{1,7})?)")
_OVERRIDE = "AzureFunctionsJobHost__"
"""How a setting's name begins that stands for a value of host.json: `AzureFunctionsJobHost__path__to__it`."""
_RETRY_FIELDS = {"fixedDelay": ("delayInterval",), "exponentialBackoff": ("minimumInterval", "maximumInterval")}


class AppError(ValueError):
    """A function that cannot be served as its function.json and the settings stand."""


@dataclass(frozen=True)
class Binding:
    """One entry of function.json's `bindings`, with %SETTINGS% resolved."""

    name: str
    type: str
    out: bool
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Retry:
    """A retry policy: how often (-1: for ever) and how long to wait before attempt n."""

    count: int
    minimum: timedelta
    maximum: timedelta

    def delay(self, attempt: int) -> float:
        """Seconds before the retry number `attempt` (from 1): doubling up to the maximum."""
        return min(self.minimum * (1 << min(attempt - 1, 30)), self.maximum).total_seconds()


@dataclass(frozen=True)
class Function:
    """One function: its folder, bindings and retry policy."""

    name: str
    directory: Path
    script_file: Path
    entry_point: str
    bindings: tuple[Binding, ...]
    retry: Retry | None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def trigger(self) -> Binding:
        """The binding that starts it."""
        return next(b for b in self.bindings if b.type.lower().endswith("trigger"))

    @property
    def kind(self) -> str:
        """The trigger's type in lower case: `httptrigger`, `timertrigger`, `queuetrigger`."""
        return self.trigger.type.lower()

    @property
    def methods(self) -> list[str]:
        """The HTTP methods it answers, upper case; empty means every method."""
        return [m.upper() for m in self.trigger.options.get("methods", [])]


@dataclass(frozen=True)
class App:
    """What was found: host.json, the enabled functions, and the functions that cannot be served, by name."""

    root: Path
    host: Mapping[str, Any]
    functions: dict[str, Function]
    errors: dict[str, str]

    def extension(self, name: str) -> Mapping[str, Any]:
        """The section of host.json's `extensions` with that name."""
        section: Mapping[str, Any] = self.host.get("extensions", {}).get(name, {})
        return section


def load_app(root: Path, settings: Mapping[str, str]) -> App:
    """Read host.json and every `*/function.json` under `root`; disabled functions are left out."""
    host_file = root / "host.json"
    host = json.loads(host_file.read_text()) if host_file.exists() else {"version": "2.0"}
    app = App(root, _overridden(host, settings), {}, {})
    for file in sorted(root.glob("*/function.json")):
        name = file.parent.name
        try:
            document = json.loads(file.read_text())
            if not _disabled(name, document, settings):
                app.functions[name] = _function(file.parent, document, settings)
        except (AppError, KeyError, ValueError) as error:
            app.errors[name] = f"function.json: {error}"
    return app


def resolve(value: str, settings: Mapping[str, str]) -> str:
    """Replace every %NAME% by that setting; raises AppError naming a setting that is not there."""

    def one(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise AppError(f"the app setting {match[1]} is not set")
        return settings[match[1]]

    return _SETTING.sub(one, value)


def time_span(text: str) -> timedelta:
    """A .NET TimeSpan, `[d.]hh:mm:ss[.fff]`; raises AppError for anything else."""
    match = _TIME_SPAN.fullmatch(text.strip())
    if match is None:
        raise AppError(f"{text!r} is not a time span like 00:05:00")
    days, hours, minutes = (int(part or 0) for part in match.groups()[:3])
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=float(match[4]))


def _overridden(host: Mapping[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """host.json with the values that settings put in place of its own."""
    changed: dict[str, Any] = copy.deepcopy(dict(host))
    for name, value in settings.items():
        if name.startswith(_OVERRIDE):
            *way, last = name.removeprefix(_OVERRIDE).split("__")
            section = changed
            for step in way:
                section = section.setdefault(step, {})
            section[last] = _typed(value)
    return changed


def _typed(value: str) -> Any:
    return json.loads(value) if value in ("true", "false") or value.isdecimal() else value


def _disabled(name: str, document: Mapping[str, Any], settings: Mapping[str, str]) -> bool:
    flag = settings.get(f"AzureWebJobs.{name}.Disabled", settings.get(f"AzureWebJobs_{name}_Disabled", ""))
    return document.get("disabled") is True or flag.lower() in ("1", "true")


def _function(directory: Path, document: Mapping[str, Any], settings: Mapping[str, str]) -> Function:
    script = (directory / document.get("scriptFile", "__init__.py")).resolve()
    bindings = tuple(_binding(entry, settings) for entry in document["bindings"])
    if sum(b.type.lower().endswith("trigger") for b in bindings) != 1:
        raise AppError("exactly one trigger is needed")
    retry = _retry(document["retry"]) if "retry" in document else None
    return Function(directory.name, directory, script, document.get("entryPoint", ""), bindings, retry)


def _binding(entry: Mapping[str, Any], settings: Mapping[str, str]) -> Binding:
    # `connection` names a setting by itself, without percent signs.
    options = {key: resolve(value, settings) if isinstance(value, str) else value for key, value in entry.items()}
    direction = options.get("direction", "in")
    if direction not in ("in", "out"):
        raise AppError(f"direction {direction!r} is not supported")
    return Binding(options["name"], options["type"], direction == "out", options)


def _retry(policy: Mapping[str, Any]) -> Retry:
    names = _RETRY_FIELDS.get(policy.get("strategy", ""))
    if names is None or any(name not in policy for name in (*names, "maxRetryCount")):
        raise AppError(f"retry needs a strategy ({' or '.join(_RETRY_FIELDS)}) with all of its fields")
    return Retry(policy["maxRetryCount"], time_span(policy[names[0]]), time_span(policy[names[-1]]))
