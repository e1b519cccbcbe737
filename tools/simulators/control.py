"""A plain-HTTP JSON API on loopback through which a person, or another process, acts in the simulated world.

Thin: every route calls one method of a Python object. Simulators of other vendors add theirs with `add`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response

from tools.simulators.clock import SimulatorClock
from tools.simulators.faults import Fault
from tools.simulators.partner_center import PartnerCenterSimulator
from tools.simulators.server import SimulatorServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Handler = Callable[[dict[str, str], dict[str, Any]], object]
"""Takes the path's named groups and the JSON body; returns what is answered as JSON."""

_DECISIONS = ("accept", "decline", "win", "lose")
_ACTS_OF_MICROSOFT = (*_DECISIONS, "let-expire", "note", "add-seller")


class ControlApi:
    """Routes to handlers, as a WSGI app. Answers 404 for LookupError and 400 for ValueError or TypeError."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Add a route; `{name}` in the path matches one segment."""
        pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))
        self._routes.append((method, pattern, handler))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        status, body = self._answer(Request(environ))
        response = Response(json.dumps(body, indent=2, default=str), status, mimetype="application/json")
        return response(environ, start_response)

    def _answer(self, request: Request) -> tuple[int, object]:
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                return _call(handler, match.groupdict(), request.get_data())
        return 404, {"error": f"no route {request.method} {request.path}", "routes": self.describe()}

    def describe(self) -> list[str]:
        """Return the routes, for the person who mistyped one."""
        return [f"{method} {pattern.pattern}" for method, pattern, _ in self._routes]


def _call(handler: Handler, groups: dict[str, str], data: bytes) -> tuple[int, object]:
    try:
        return 200, handler(groups, json.loads(data or b"{}"))
    except LookupError as error:
        return 404, {"error": str(error)}
    except (ValueError, TypeError) as error:
        return 400, {"error": str(error)}


def add_server_routes(api: ControlApi, servers: dict[str, SimulatorServer], clock: SimulatorClock) -> None:
    """Faults, request logs and the clock."""

    def inject(path: dict[str, str], body: dict[str, Any]) -> object:
        return dataclasses.asdict(servers[path["server"]].faults.inject(Fault(**body)))

    def requests(path: dict[str, str], _: dict[str, Any]) -> object:
        log = servers[path["server"]].log
        shown = ("method", "path", "query", "status", "fault", "at")
        return {
            "count": log.count(),
            "requests": [{name: getattr(entry, name) for name in shown} for entry in log.entries],
        }

    def advance(_: dict[str, str], body: dict[str, Any]) -> object:
        clock.advance(timedelta(**body))
        return {"now": clock.now()}

    api.add("POST", "/faults/{server}", inject)
    api.add("DELETE", "/faults/{server}", lambda path, _: servers[path["server"]].faults.clear())
    api.add("GET", "/requests/{server}", requests)
    api.add("DELETE", "/requests/{server}", lambda path, _: servers[path["server"]].log.clear())
    api.add("POST", "/clock/advance", advance)


def add_partner_center_routes(api: ControlApi, partner_center: PartnerCenterSimulator) -> None:
    """What people do in Partner Center and at Microsoft."""
    portal, microsoft = partner_center.portal, partner_center.microsoft

    def decide(path: dict[str, str], body: dict[str, Any]) -> object:
        return getattr(portal, path["decision"])(path["id"], **body)

    def act_of_microsoft(path: dict[str, str], body: dict[str, Any]) -> object:
        return getattr(microsoft, path["act"].replace("-", "_"))(path["engagement"], **body)

    def configure(target: object) -> Handler:
        def change(_: dict[str, str], body: dict[str, Any]) -> object:
            for name, value in body.items():
                if not hasattr(target, name):
                    raise LookupError(f"no setting {name}")
                setattr(target, name, value)
            return vars(target)

        return change

    api.add("GET", "/partner-center/referrals", lambda _, __: partner_center.referrals())
    api.add("POST", "/partner-center/referrals", lambda _, body: portal.create_referral(**body))
    api.add("GET", "/partner-center/referrals/{id}", lambda path, _: partner_center.referral(path["id"]))
    api.add("PATCH", "/partner-center/referrals/{id}", lambda path, body: portal.edit(path["id"], body))
    for decision in _DECISIONS:
        api.add("POST", f"/partner-center/referrals/{{id}}/(?P<decision>{decision})", decide)
    asks = "/partner-center/referrals/{id}/ask-microsoft"
    api.add("POST", asks, lambda path, body: portal.ask_microsoft(path["id"], **body))
    reviews = "/partner-center/referrals/{id}/review-registration"
    api.add("POST", reviews, lambda path, body: microsoft.review(path["id"], **body))
    for act in _ACTS_OF_MICROSOFT:
        api.add("POST", f"/microsoft/{{engagement}}/(?P<act>{act})", act_of_microsoft)
    joins = "/other-partner/{engagement}/join"
    api.add("POST", joins, lambda path, _: partner_center.other_partner.join(path["engagement"]))
    api.add("GET", "/partner-center/registration", lambda _, __: _describe_registration(partner_center))
    api.add("PUT", "/partner-center/registration", lambda _, body: vars(partner_center.take_over_webhook(**body)))
    api.add("PATCH", "/partner-center/quirks", configure(partner_center.quirks))
    api.add("PATCH", "/partner-center/modes", configure(partner_center.modes))
    api.add("GET", "/partner-center/deliveries", lambda _, __: _describe_deliveries(partner_center))


def _describe_registration(partner_center: PartnerCenterSimulator) -> dict[str, Any]:
    if partner_center.registration is None:
        raise LookupError("nothing is registered")
    return vars(partner_center.registration)


def _describe_deliveries(partner_center: PartnerCenterSimulator) -> list[dict[str, Any]]:
    return [
        {
            "event": delivery.event,
            "state": delivery.state,
            "statuses": delivery.statuses,
            "body": json.loads(delivery.body),
        }
        for delivery in partner_center.deliveries
    ]
