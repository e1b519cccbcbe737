"""The app settings that a command works with: of local.settings.json, another file, or a function app in Azure."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from shared.errors import CosellError, SettingsError
from tools.admin import azure_cli, jsonc
from tools.admin.references import resolved

FILE = Path(__file__).resolve().parents[2] / "local.settings.json"
NONE = "local.settings.json is missing: `cp local.settings.sample.json local.settings.json` and fill it in"
MISSING = f"{NONE}, or take the settings from elsewhere with --settings FILE or --from-app NAME"

_OURS = re.compile(r"CRM|PARTNER_CENTER_\w+|DYNAMICS_\w+|SALESFORCE_\w+|AzureWebJobsStorage\w*|KEY_VAULT_URL")
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the settings are."""
    source = parser.add_argument_group("where the app settings are (default: local.settings.json)")
    one = source.add_mutually_exclusive_group()
    one.add_argument(
        "--settings", type=Path, metavar="FILE", help="JSON as local.settings.json or as az lists it, or .env"
    )
    one.add_argument("--from-app", metavar="NAME", help="those of a function app in Azure, by the Azure CLI")
    source.add_argument("--resource-group", metavar="NAME", default="", help="the function app's; default: looked up")


def into_environment(options: argparse.Namespace, *, needed: bool = True) -> None:
    """Complete this process's environment from the settings' source; what the environment holds already wins.

    Raises SettingsError when the source cannot be read, or when settings are `needed` and there are none at all.
    """
    for name, value in _source(options).items():
        os.environ.setdefault(name, value)
    if needed and not any(_OURS.fullmatch(name) and value for name, value in os.environ.items()):
        raise SettingsError(f"{MISSING}.")


def _source(options: argparse.Namespace) -> Mapping[str, str]:
    if options.from_app:
        return resolved(azure_cli.app_settings(options.from_app, options.resource_group))
    if options.settings:
        return read_file(options.settings)
    return read_file(FILE) if FILE.exists() else {}


def read(file: Path | None = None) -> dict[str, str]:
    """Return local.settings.json's settings, or those of another file; none when there is no such file.

    Ends the program when it cannot be read.
    """
    path = file or FILE
    try:
        return read_file(path) if path.exists() else {}
    except CosellError as error:
        sys.exit(str(error))


def read_file(path: Path) -> dict[str, str]:
    """Return the settings in a file. Raises SettingsError when it cannot be read; its message holds no value."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}.") from error
    return values_of(path.name, content)


def values_of(name: str, content: bytes) -> dict[str, str]:
    """Return the settings that a file's content holds. Raises SettingsError, naming the file."""
    try:
        # Some editors, and PowerShell 5, begin a file with a byte order mark.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{name} cannot be read: it is not UTF-8 text. Save it as UTF-8.") from None
    return _of_json(name, text) if jsonc.plain(text).lstrip()[:1] in ("{", "[") else _of_lines(name, text)


def _of_json(name: str, text: str) -> dict[str, str]:
    try:
        document = json.loads(jsonc.plain(text))
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        told = f"it is not JSON, at {at}: {error.msg}. Compare it with the sample."
        raise SettingsError(f"{name} cannot be read: {told}") from None
    if isinstance(document, list):  # as `az functionapp config appsettings list` prints them
        if not all(isinstance(row, dict) and "name" in row for row in document):
            raise SettingsError(f"{name} cannot be read: it is a list, and not of settings with name and value.")
        document = {str(row["name"]): row.get("value") for row in document}
    if document.get("IsEncrypted") is True:
        raise SettingsError(f"{name} cannot be read: it is encrypted. Run `func settings decrypt`.")
    values = document.get("Values", document)
    if not isinstance(values, dict):
        raise SettingsError(
            f'{name} cannot be read: "Values" must be an object of names and texts, {{"CRM": "dynamics365", ...}}.'
        )
    return {key: _text(name, key, value) for key, value in values.items() if value is not None}


def _text(name: str, key: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise SettingsError(f"{name} cannot be read: {key} must be a text, not an object or a list.")


def _of_lines(name: str, text: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        setting = _LINE.fullmatch(line.strip())
        if setting is None:
            raise SettingsError(f"{name}, line {number}: is neither NAME=value nor JSON")
        found[setting[1]] = _unquoted(setting[2])
    return found


def _unquoted(value: str) -> str:
    """Return the value as a shell, or azd which writes such files, means it."""
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) > 1 and value[0] == value[-1] == '"':
        plain = {"n": "\n", "r": "\r", "t": "\t"}
        return re.sub(r"\\(.)", lambda found: plain.get(found[1], found[1]), value[1:-1])
    return value
