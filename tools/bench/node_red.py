"""A flow of Node-RED that brings updates to the CRM: no signature is checked, nothing is stored, merged or told."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import requests

from tools.local.npm import Package
from tools.local.stack import Stack
from tools.simulators.vendors import CLIENT_ID, SYNC_USER

PACKAGE = Package("node-red", "4.1.8", "red.js", megabytes=100)
"""The newest that runs on Node.js 20 (5 asks for 22)."""

_SETTINGS = """module.exports = {{
    uiHost: "127.0.0.1", uiPort: {port}, httpAdminRoot: false, flowFile: "flow.json", userDir: {folder},
    credentialSecret: false, logging: {{ console: {{ level: "warn" }} }},
}};"""

_ASK = """const event = msg.payload;
msg.url = "{api}/referrals/" + event.ResourceUri.split("/").pop();
msg.method = "GET";
msg.headers = {{ authorization: "Bearer {token}" }};
return msg;"""

_CHANGE = """const deal = msg.payload;
msg.url = "{url}/api/data/v9.2/opportunities(cosell_referralidentifier='" + deal.id + "')";
msg.method = "PATCH";
msg.headers = {{ authorization: "Bearer {token}", "content-type": "application/json", "if-match": "*" }};
msg.payload = {{ estimatedvalue: deal.details.dealValue, name: deal.name, description: deal.details.notes }};
return msg;"""


class NodeRed:
    """Node-RED with that flow, on a free port of loopback; a context manager that takes the webhook over."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def __enter__(self) -> Self:
        """Start it, and let Partner Center's events come to it. Raises NotStarted, and TimeoutError."""
        command, port = PACKAGE.command("--settings", "settings.js"), _free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="cosell-node-red-")
        folder = Path(self._folder.name)
        (folder / "settings.js").write_text(_SETTINGS.format(port=port, folder=json.dumps(str(folder))))
        (folder / "flow.json").write_text(json.dumps(self._flow()))
        environment = {**os.environ, "NODE_EXTRA_CA_CERTS": self._stack.settings()["REQUESTS_CA_BUNDLE"]}
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            )
        url = f"http://127.0.0.1:{port}/events"
        _wait(url, folder / "log")
        self._stack.partner_center.take_over_webhook(url)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate()
        self._folder.cleanup()

    def _flow(self) -> list[dict[str, Any]]:
        settings, entra = self._stack.settings(), self._stack.vendors.entra
        audience = settings["PARTNER_CENTER_API_SCOPE"].removesuffix("/.default")
        ask = _ASK.format(
            api=settings["PARTNER_CENTER_API_URL"], token=entra.issue_access_token(CLIENT_ID, audience, user=SYNC_USER)
        )
        crm = settings["DYNAMICS_URL"]
        change = _CHANGE.format(url=crm, token=entra.issue_access_token(CLIENT_ID, crm))
        call = {"type": "http request", "method": "use", "ret": "obj", "persist": True}
        nodes: list[dict[str, Any]] = [
            {"id": "event", "type": "http in", "url": "/events", "method": "post", "wires": [["taken", "ask"]]},
            {"id": "taken", "type": "http response", "statusCode": "202"},
            {"id": "ask", "type": "function", "func": ask, "outputs": 1, "wires": [["referral"]]},
            {"id": "referral", **call, "wires": [["change"]]},
            {"id": "change", "type": "function", "func": change, "outputs": 1, "wires": [["record"]]},
            {"id": "record", **call},
        ]
        return [{"id": "flow", "type": "tab"}, *({"wires": [], "z": "flow", **each} for each in nodes)]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=5).status_code == requests.codes.not_found:
                time.sleep(0.5)  # Its server is up before its flow.
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise TimeoutError(f"Node-RED does not serve:\n{log.read_text()[-2000:]}")
