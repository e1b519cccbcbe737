"""A clock that tests move and a transport that plays a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings

from shared.http import Request, Response

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: the time that an example takes on a busy machine proves nothing."""

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

Step = Response | Exception | Callable[[Request], Response]


class ManualClock:
    """Time moves only by `sleep` and `pass_time`."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


class ScriptedTransport:
    """Answers with the steps in order; a request beyond the script fails the test."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        assert self.steps, f"unexpected request {request.method} {request.url}"
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Response) else step(request)


def answer(status: int, content: object = None, **headers: str) -> Response:
    """A response; header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, b"" if content is None else json.dumps(content).encode())


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
