"""What kinds of values settings hold: how a text becomes a value, and the rule to tell when it does not."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from shared.paths import app_path
from shared.urls import is_loopback

CRM_NAMES = ("dynamics365", "salesforce")


@dataclass(frozen=True)
class Kind:
    """`parse` returns the value, or raises ValueError; `rule` completes "NAME: ..." and never holds the value."""

    rule: str
    parse: Callable[[str], Any]
    choices: tuple[str, ...] = ()
    """The only texts there are, where they are few."""


def choice(values: type[StrEnum]) -> Kind:
    """Return the kind of a setting that is one of a few words, in any case."""
    names = tuple(each.value for each in values)
    return Kind(f"must be {_either(names)}", lambda value: values(value.casefold()), names)


def one_of(names: tuple[str, ...]) -> Kind:
    """Return the kind of a setting that is one of these lower-case words, in any case."""

    def parse(value: str) -> str:
        _demand(value.casefold() in names)
        return value.casefold()

    return Kind(f"must be {_either(names)}", parse, names)


def whole(low: int, high: int) -> Kind:
    """Return the kind of a whole number."""

    def parse(value: str) -> int:
        _demand(value.isascii() and value.isdigit() and len(value) < 10 and low <= int(value) <= high)
        return int(value)

    return Kind(f"must be a whole number from {low} to {high}", parse)


def number(low: int, high: int) -> Kind:
    """Return the kind of a number that may have a fraction."""
    pattern = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)

    def parse(value: str) -> float:
        _demand(pattern.fullmatch(value) is not None and low <= float(value) <= high)
        return float(value)

    return Kind(f"must be a number from {low} to {high}", parse)


def words(value: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated list."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def crm_names(value: str) -> tuple[str, ...]:
    """Return the CRMs that a list names, in any case, each once. Raises ValueError for another name, or none."""
    named = tuple(dict.fromkeys(name.casefold() for name in words(value)))
    _demand(bool(named) and set(named) <= set(CRM_NAMES))
    return named


def _demand(holds: bool) -> None:  # noqa: FBT001 - the one thing it is about
    if not holds:
        raise ValueError


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _boolean(value: str) -> bool:
    word = value.casefold()
    _demand(word in ("true", "false", "1", "0", "yes", "no"))
    return word in ("true", "1", "yes")


def _url(value: str) -> str:
    parts = urlsplit(value)
    host, _ = parts.hostname or "", parts.port
    _demand(bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))))
    return value.rstrip("/")


def _percent(value: str) -> float:
    _demand(0 < float(value) <= 100)
    return float(value)


def _currency(value: str) -> str:
    from shared.mapping.codes import is_currency  # A large table, which most installations do not need here.

    _demand(is_currency(value))
    return value


def _fernet_keys(value: str) -> tuple[str, ...]:
    keys = words(value)
    for key in keys:
        try:
            _demand(len(base64.b64decode(key.encode("ascii"), altchars=b"-_", validate=True)) == 32)
        except (binascii.Error, UnicodeEncodeError):
            raise ValueError from None
    _demand(bool(keys))
    return keys


def _matching(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.ASCII)

    def parse(value: str) -> str:
        _demand(compiled.fullmatch(value) is not None)
        return value

    return parse


_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


def _hosts(value: str) -> tuple[str, ...]:
    hosts = words(value)
    _demand(bool(hosts) and all(_HOST.fullmatch(host) for host in hosts))
    return hosts


def _listed(value: str) -> tuple[str, ...]:
    parts = words(value)
    _demand(bool(parts))
    return parts


def _days(value: str) -> tuple[int, ...]:
    parts = words(value)
    _demand(bool(parts) and all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts))
    return tuple(sorted({int(part) for part in parts}, reverse=True))


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[int, int, list[str]], ...] = (
    (0, 59, []),
    (0, 59, []),
    (0, 23, []),
    (1, 31, []),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
"""Second, minute, hour, day, month and weekday: least, most, and the names that may stand for numbers."""
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/([0-9]{1,4}))?", re.ASCII)


def _schedule(value: str) -> str:
    """NCRONTAB with seconds. A time span, which the host also takes, works on App Service plans alone."""
    fields = value.split()
    _demand(len(fields) == len(_FIELDS))
    for field, (low, high, names) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            _check_part(part, low, high, names)
    return value


def _check_part(part: str, low: int, high: int, names: list[str]) -> None:
    match = _PART.fullmatch(part)
    _demand(match is not None)
    first, last, step = match.groups() if match else ("", None, None)
    _demand(step is None or int(step) >= 1)
    if first == "*":
        _demand(last is None)
        return
    ends = [_cron_number(text, low, names) for text in (first, last) if text is not None]
    _demand(low <= ends[0] <= ends[-1] <= high)


def _cron_number(text: str, low: int, names: list[str]) -> int:
    return low + names.index(text.casefold()) if text.casefold() in names else int(text)


TEXT = Kind("must not be empty", str)
BOOLEAN = Kind("must be true or false", _boolean, ("true", "false"))
CRMS = Kind("must be dynamics365 or salesforce, or both with a comma between", crm_names)
URL = Kind("must be an https URL", _url)
HOSTS = Kind("must be host names, with a comma between, each with its port where that is not 443", _hosts)
LIST = Kind("must be names with a comma between", _listed)
DAYS = Kind("must be whole numbers of days below 1000, with a comma between", _days)
PATH = Kind("must be a folder", app_path)
TENANT = Kind(
    "must be the tenant's id, a GUID, or one of its domain names",
    _matching(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|([A-Za-z0-9-]+\.)+[A-Za-z]{2,}"),
)
PERCENT = Kind("must be a number above 0 and up to 100", _percent)
CURRENCY = Kind("must be an ISO 4217 code", _currency)
VERSION = Kind("must be a version number", _matching(r"[1-9][0-9]+\.0"))
SCHEDULE = Kind("must be six fields (second minute hour day month weekday, an NCRONTAB expression, in UTC)", _schedule)
QUEUE = Kind(
    # 63 characters at most, and the host appends "-poison" (learn.microsoft.com/rest/api/storageservices/
    # naming-queues-and-metadata).
    "must be 3 to 56 lower-case letters, digits and single dashes, beginning and ending with a letter or digit",
    _matching(r"(?=.{3,56}$)[a-z0-9]+(-[a-z0-9]+)*"),
)
FERNET_KEYS = Kind("must be 32 bytes in url-safe base64 (a Fernet key), or several with a comma between", _fernet_keys)
