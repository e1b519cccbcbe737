"""The Azure CLI in so far as the commands use it: one function app's settings, and tokens for one principal.

State is a JSON file that AZ_STATE names: {"app", "group", "settings", "tokens", "signed_in", "calls"}. Arguments and
output follow learn.microsoft.com/cli/azure (resource, functionapp config appsettings, account get-access-token).
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

PATH = Path(os.environ["AZ_STATE"])


def main(argv: list[str]) -> int:
    state = json.loads(PATH.read_text())
    state["calls"].append(argv)
    PATH.write_text(json.dumps(state))
    if not state["signed_in"]:
        return _fail("Please run 'az login' to setup account.")
    words = [each for each in argv if not each.startswith("--")]
    options = {name: value for name, value in itertools.pairwise(argv) if name.startswith("--")}
    match argv:
        case ["account", "get-access-token", *_]:
            return _say(_token(state, options["--resource"]))
        case ["resource", "list", *_]:
            known = options["--name"] == state["app"]
            return _say([{"name": state["app"], "resourceGroup": state["group"]}] if known else [])
        case ["functionapp", "config", "appsettings", action, *_]:
            if (options["--name"], options["--resource-group"]) != (state["app"], state["group"]):
                return _fail(f"(ResourceNotFound) {options['--name']} was not found in {options['--resource-group']}.")
            return _settings(state, action, options)
    return _fail(f"{words} is misspelled or not recognized by the system.")


def _settings(state: dict[str, Any], action: str, options: dict[str, str]) -> int:
    if action == "set":
        given = options["--settings"]
        if given.startswith("@"):
            state["settings"].update(_named(json.loads(Path(given[1:]).read_text())))
            state["modes"] = oct(Path(given[1:]).stat().st_mode & 0o777)
        else:
            state["settings"].update([given.split("=", 1)])
        PATH.write_text(json.dumps(state))
        return _say([{"name": name, "slotSetting": False, "value": None} for name in state["settings"]])
    return _say([{"name": name, "slotSetting": False, "value": value} for name, value in state["settings"].items()])


def _named(content: Any) -> dict[str, str]:
    """Return the settings of a file: an object of names and values, or an array as `list` prints it."""
    return {row["name"]: row["value"] for row in content} if isinstance(content, list) else content


def _token(state: dict[str, Any], resource: str) -> dict[str, object]:
    return {"accessToken": state["tokens"][resource], "expires_on": 4102444800, "tokenType": "Bearer"}


def _say(content: object) -> int:
    sys.stdout.write(json.dumps(content))
    return 0


def _fail(text: str) -> int:
    sys.stderr.write(f"ERROR: {text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
