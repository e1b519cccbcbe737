"""The whole system on one machine: Azurite, the simulated vendors, and the app in the genuine worker library."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from tools.local.azurite import Azurite
from tools.local.localhost.process import HostProcess, Program
from tools.simulators.sellers import SELLERS
from tools.simulators.sellers.seller import Seller
from tools.simulators.vendors import Vendors

ROOT = Path(__file__).resolve().parents[2]

CHECKOUT = Program(ROOT)

NEVER = "0 0 0 1 1 *"
"""A schedule for tests that run the timers by hand: once a year."""

EVENT_DELAY = 0.5
"""Seconds after which Partner Center tells of a change.

One that comes at once meets a deal that is still being committed, and is looked at again 15 seconds later: right,
and tried in the simulation, but slow to watch.
"""

PATIENCE = 75
"""Seconds within which what was done must have its effect, also when a deal is set aside once on the way.

A service that does not answer is asked again after 15 to 30 seconds, and a busy machine has such moments.
"""

POLLING = "AzureFunctionsJobHost__extensions__queues__maxPollingInterval"
"""The setting for how long an idle queue may be left alone."""

T = TypeVar("T")


@dataclass(frozen=True)
class Calls:
    """Remote calls of the app: to Partner Center, to one CRM, and polls of that CRM's change feed."""

    partner_center: int
    crm: int
    polls: int

    def __sub__(self, earlier: Calls) -> Calls:
        """Return the calls made since `earlier`."""
        return Calls(self.partner_center - earlier.partner_center, self.crm - earlier.crm, self.polls - earlier.polls)


class Stack:
    """Starts everything on free loopback ports; a context manager.

    `crms` are the CRMs that the app is configured with, names of tools.simulators.sellers; `sellers` are theirs,
    by name. `settings` overrides app settings, among which a close is sent at once; `storage` reuses a running Azurite
    by its connection string; `program` is the app when it is not the checkout; `lock` is for how many seconds a
    message in progress is hidden, ten minutes in Azure. With `patient` an idle queue is looked at as seldom as
    host.json says; without it nobody waits for that.
    """

    def __init__(
        self,
        *,
        crms: Sequence[str] = ("dynamics365",),
        poll_schedule: str = NEVER,
        reconcile_schedule: str = NEVER,
        settings: Mapping[str, str] | None = None,
        storage: str | None = None,
        queue: str = "deals",
        log: Path | None = None,
        program: Program = CHECKOUT,
        lock: int | None = None,
        patient: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._crms = crms
        self._schedules = {"CRM_POLL_SCHEDULE": poll_schedule, "RECONCILE_SCHEDULE": reconcile_schedule}
        # Whoever runs the poller wants a poll now.
        at_once = {"CLOSE_DELAY_MINUTES": "0", "DYNAMICS_POLL_SECONDS": "1", "SALESFORCE_POLL_SECONDS": "1"}
        at_once |= {} if patient else {POLLING: "00:00:00.3"}
        self._overrides = {"SYNC_QUEUE": queue, **at_once, **(settings or {})}
        self._storage = storage
        self._log = log
        self._earlier = ""
        self._program = program
        self._lock = lock
        self._tell = tell
        self._running = ExitStack()
        self.vendors = Vendors()
        self.partner_center = self.vendors.partner_center
        self.sellers: dict[str, Seller] = {}
        self.host: HostProcess

    def __enter__(self) -> Self:
        """Start it all; whatever was started is stopped again when a later part fails."""
        with ExitStack() as starting:
            self._start(starting)
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it all, the app first."""
        self._running.close()

    def _start(self, starting: ExitStack) -> None:
        if self._storage is None:
            self._tell("storage: Azurite")
            self._storage = starting.enter_context(Azurite()).connection_string
        titles = ", ".join(SELLERS[name].title for name in self._crms)
        self._tell(f"vendors: Entra ID, Partner Center, {titles}")
        starting.enter_context(self.vendors)
        self.partner_center.modes.delay_seconds = EVENT_DELAY
        for name in self._crms:
            self._open(name)
        self._tell("the app, in Azure's own Python worker library")
        self._state = Path(starting.enter_context(tempfile.TemporaryDirectory(prefix="cosell-stack-")))
        self.host = self._new_host(port=0)
        starting.callback(lambda: self.host.close())  # noqa: PLW0108 - a restarted host is another object
        self.host.start()

    def _open(self, name: str) -> None:
        seller = self.sellers[name] = SELLERS[name](self.vendors)
        for (method, path), handler in seller.routes().items():
            self.vendors.control.add(method, f"/{name}{path}", handler)

    @property
    def crm(self) -> Seller:
        """The seller at the only CRM, or at the first."""
        return self.sellers[self._crms[0]]

    def settings(self) -> dict[str, str]:
        """Return the app settings that point at this stack."""
        return {
            **self.vendors.settings(),
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "AzureWebJobsStorage": str(self._storage),
            "CRM": ",".join(self._crms),
            **{name: value for seller in self.sellers.values() for name, value in seller.settings().items()},
            **self._schedules,
            **self._overrides,
        }

    def restart(self, *, crash: bool = False) -> None:
        """Stop the app, or kill it as a crash would, and start it again on the same storage."""
        if crash:
            self.host.kill()
        port = int(self.host.url.rsplit(":", 1)[1])
        self.host.close()
        self.host = self._new_host(port)
        self._earlier = self.host.log_text()
        self.host.start()

    def _new_host(self, port: int) -> HostProcess:
        """Return the app's host process; keys and timer status outlive a restart, as they do in Azure."""
        return HostProcess(
            self._program.root,
            self.settings(),
            auth=True,
            log=self._log,
            port=port,
            state=self._state,
            worker=self._program.worker,
            lock=self._lock,
        )

    # --- acting on the app -----------------------------------------------------------------------------------------

    def url_of(self, function: str) -> str:
        """Return an HTTP function's URL with its key, as the portal shows it."""
        return f"{self.host.url}/api/{function}?code={self.host.function_keys[function]}"

    def register(self, **request: object) -> requests.Response:
        """Paste the receiver's URL into RegisterWebhook."""
        content = {"webhook_url": self.url_of("WebhookReceiver"), **request}
        return requests.post(self.url_of("RegisterWebhook"), json=content, timeout=60)

    def run(self, function: str) -> None:
        """Run a timer function now, as `POST /admin/functions/<name>` does; returns when it was started.

        One that still runs is waited for: the app lets no poll begin beside another.
        """
        self.eventually(lambda: not self._runs(function), f"the end of {function}")
        headers = {"x-functions-key": self.host.keys["_master"]}
        url = f"{self.host.url}/admin/functions/{function}"
        answer = requests.post(url, json={"input": ""}, headers=headers, timeout=60)
        answer.raise_for_status()

    def _runs(self, function: str) -> bool:
        log = self.host.log_text().removeprefix(self._earlier)
        return log.count(f"Executing 'Functions.{function}'") > log.count(f"Executed 'Functions.{function}'")

    # --- watching --------------------------------------------------------------------------------------------------

    def calls(self, seller: Seller | None = None) -> Calls:
        """Return how many remote calls the app has made so far: to Partner Center, and to one seller's CRM."""
        crm = seller or self.crm
        return Calls(self.vendors.servers["referrals"].log.count(), crm.calls(), crm.polls())

    def quiet(self) -> Self:
        """Wait until every event is delivered and every message handled; for honest counts of calls."""
        queue = QueueClient.from_connection_string(str(self._storage), self.settings()["SYNC_QUEUE"])

        def idle() -> bool:
            self.partner_center.wait_idle()
            try:
                return queue.get_queue_properties().approximate_message_count == 0
            except ResourceNotFoundError:
                return True  # Nothing was ever sent.

        with queue:
            self.eventually(idle, "an empty queue")
        return self

    def eventually(self, look: Callable[[], T | None], what: str, *, within: float = PATIENCE) -> T:
        """Return what `look` finds as soon as it is true; raises TimeoutError after `within` seconds."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if found := look():
                return found
            time.sleep(0.05)
        raise TimeoutError(f"{what}: not within {within:.0f} s. The app's last words:\n{self.host.log_text()[-3000:]}")
