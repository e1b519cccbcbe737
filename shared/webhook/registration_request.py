"""What a person, or a script, asks RegisterWebhook for: read from JSON or from the page's form, and checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from shared.urls import receiver_url_problems
from shared.webhook.events import REFERRAL_EVENTS

TEST_EVENT = "test-created"
DEFAULT_EVENTS = tuple(sorted(REFERRAL_EVENTS))

KNOWN_EVENTS = REFERRAL_EVENTS | {TEST_EVENT}
"""The events that this app understands; others that are registered already are kept for whoever wanted them."""

MAX_BODY = 16 * 1024
"""The largest request that is read, in bytes; an honest one is below 2 KiB."""

_SWITCHES = ("overwrite", "send_test_event")
_FIELDS = ("webhook_url", "events", *_SWITCHES)


class InvalidRegistration(ValueError):
    """The request cannot be taken; `problems` are `field: rule and remedy`, every one that was found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class RegistrationRequest:
    """What the caller asks for. The URL holds a key: it is never logged and never shown whole."""

    url: str
    events: tuple[str, ...] = DEFAULT_EVENTS
    overwrite: bool = False
    send_test_event: bool = False


def read_json(body: bytes) -> Mapping[str, object]:
    """Return the members of the JSON request. Raises InvalidRegistration when it is no object."""
    _check_size(body)
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise InvalidRegistration(["the body must be a JSON object"]) from None
    if not isinstance(content, dict):
        raise InvalidRegistration(["the body must be a JSON object"])
    return content


def read_form(body: bytes) -> Mapping[str, object]:
    """Return the members of the page's form, as JSON would have them. Raises InvalidRegistration when it is none.

    A box that is not ticked is not sent at all.
    """
    _check_size(body)
    try:
        given = parse_qs(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=50
        )
    except ValueError:
        raise InvalidRegistration(["the body must be a form of the type application/x-www-form-urlencoded"]) from None
    lists: dict[str, object] = {"events": given.pop("events", [])}
    switches: dict[str, object] = {name: given.pop(name)[-1] in ("true", "on") for name in _SWITCHES if name in given}
    return {name: values[-1] for name, values in given.items()} | lists | switches


def _check_size(body: bytes) -> None:
    if len(body) > MAX_BODY:
        raise InvalidRegistration([f"the body must not be larger than {MAX_BODY} bytes"])


def parse_request(body: bytes) -> RegistrationRequest:
    """Read the JSON request. Raises InvalidRegistration with everything that is wrong."""
    return check_request(read_json(body))


def check_request(content: Mapping[str, object]) -> RegistrationRequest:
    """Return the request that these members make. Raises InvalidRegistration with everything that is wrong."""
    url, events = content.get("webhook_url"), content.get("events")
    problems = [*(f"webhook_url: {problem}" for problem in receiver_url_problems(url)), *_event_problems(events)]
    problems += [
        f"{name}: must be true or false." for name in _SWITCHES if not isinstance(content.get(name, False), bool)
    ]
    unknown = sorted(set(content) - set(_FIELDS))
    if unknown:
        problems.append(f"{', '.join(unknown)}: not known here; see {', '.join(_FIELDS)}.")
    if problems:
        raise InvalidRegistration(problems)
    return RegistrationRequest(
        str(url).strip(),
        tuple(dict.fromkeys(map(str, events))) if isinstance(events, list) else DEFAULT_EVENTS,
        overwrite=bool(content.get("overwrite", False)),
        send_test_event=bool(content.get("send_test_event", False)),
    )


def _event_problems(events: object) -> list[str]:
    if events is None:
        return []
    if not isinstance(events, list) or not all(isinstance(name, str) for name in events):
        return ["events: must be a list of event names; leave it out for the four referral events."]
    if not events:
        return ["events: Choose at least one event."]
    unknown = [name for name in events if name not in KNOWN_EVENTS]
    if unknown:
        return [f"events: {', '.join(unknown)} is not one of {', '.join(sorted(KNOWN_EVENTS))}."]
    return []
