"""The status page of a simulated world, and somebody who visits it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from shared.checkup import Finding
from shared.desk.desk import Desk
from shared.desk.pages.conversation import respond
from shared.pages.web import Reply, Visit
from shared.partner_center.webhooks import Registration
from shared.webhook.registration_request import DEFAULT_EVENTS
from shared.webhook.rounds import Rounds
from tests.support.fakes.world import World
from tests.support.reader import Reader

HERE = "https://fn.example/api/StatusPage?code=CANARY-PAGE"
RECEIVER = "https://fn.example/api/WebhookReceiver?code=CANARY-RECEIVER"
FORM = "application/x-www-form-urlencoded"


def desk_of(world: World) -> Desk:
    """Return the desk of everything that the world is configured with."""
    return Desk(tuple(world.configured), world.tasks, world.taped, world.alerts, world.queue, world.clock)


def reconciled(world: World, *seldom: Finding) -> None:
    """Give the world a registration of its own and somebody who notes what the Reconciler sees; then let it go once."""
    world.watchdog = replace(world.watchdog, public_url=RECEIVER)
    world.webhooks.current = Registration(RECEIVER, DEFAULT_EVENTS)
    world.rounds = Rounds(world.taped.drawers, world.clock, lambda: seldom, lambda: None)
    world.reconcile()


class Visitor:
    """Somebody at the status page of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def visit(self, method: str, accept: str, params: dict[str, str], body: bytes = b"", **headers: str) -> Reply:
        """Send a request as it is."""
        sent = {"accept": accept, **{name.replace("_", "-"): value for name, value in headers.items()}}
        given = {"code": "CANARY-PAGE", **params}
        return respond(Visit(method, HERE, sent, given, body), lambda: desk_of(self.world))

    def page(self, **params: str) -> Reader:
        """Open a page."""
        return Reader(self.visit("GET", "text/html", params))

    def data(self, **params: str) -> dict[str, Any]:
        """Ask for data."""
        return dict(json.loads(self.visit("GET", "application/json", params).body))

    def submit(self, fields: dict[str, str], **headers: str) -> Reply:
        """Send a form."""
        body = urlencode(fields).encode()
        return self.visit(
            "POST", "text/html", {}, body, content_type=FORM, **{"sec_fetch_site": "same-origin", **headers}
        )

    def order(self, content: object, **headers: str) -> tuple[int, dict[str, Any]]:
        """Send JSON, as a script does."""
        body = json.dumps(content).encode()
        reply = self.visit("POST", "application/json", {}, body, content_type="application/json", **headers)
        return reply.status, dict(json.loads(reply.body))
