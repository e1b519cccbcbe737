"""Real parts under load and trouble: `python -m tests.e2e.soak --links 2000 --kills 10`.

The genuine worker library in two host processes on one queue, Azurite, and the simulated vendors; sellers in both CRMs,
colleagues and Microsoft in Partner Center, and automation on each side, while calls fail, events get lost, doubled and
shuffled, and host processes are killed. Then everything comes to rest, and the oracle (tests/oracle), which shares
nothing with the product, compares what the three systems hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Any

import requests
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from tests.oracle import sides
from tests.oracle.spelling import BY_NAME, Body, Meaning, at
from tools.local.localhost.process import HostProcess
from tools.local.stack import ROOT, Stack
from tools.simulators.faults import Fault
from tools.simulators.side_effects import SideEffect

CRMS = (sides.DYNAMICS, sides.SALESFORCE)
HELP = "CustomerTechnicalArchitecture"
EVERY_5_SECONDS, EVERY_11_SECONDS, EVERY_10_MINUTES = "*/5 * * * * *", "*/11 * * * * *", "0 */10 * * * *"
"""One host polls more often than the other: both find the same edits now and then, not always. What polls ask of
Azurite takes as long as there are rows, which the deals then wait for.

The Reconciler runs as often as it does in production, and on both hosts at once whenever nothing else is to be done:
every few seconds it would queue again and again what only waits for its turn.
"""
LOCK = 20
"""Seconds for which the message of a host that was killed stays hidden; in Azure ten minutes."""
TRIGGER, PUT_RIGHT = "as it was dictated", "put right by automation"
"""The notes that each CRM's automation changes, and to what."""

NOTES_COLUMN = {sides.DYNAMICS: "description", sides.SALESFORCE: "Description"}
IDENTIFIER = {sides.DYNAMICS: "cosell_referralidentifier", sides.SALESFORCE: "Referral_Identifier__c"}
FIELDS = ("deal_value", "notes", "closing_date")
EDITS_OF_A_DEAL = 7
MOST_EDITS = 600
"""Each is about six messages of the queue: what comes of it on all sides, and the echoes."""
CALM = 3
"""How many times in a row, a second apart or more, nothing must be amiss."""
MORE = 2000
"""How many acts more there may be until each trouble has struck."""
KINDS = (
    "503",
    "429",
    "no connection",
    "the answer to a write is lost",
    "a slow answer",
    "an event comes twice",
    "an event is lost",
    "automation changes a write",
    "a host is killed",
)
PACE = 0.03
"""Seconds between two acts."""
BEHIND = 150
"""Messages with which nobody enters or edits anything more until the app has caught up."""
BREATH = 0.5
"""Seconds between two looks at storage: Azurite reads the whole table, or all that waits, for each."""
PATIENCE = 300
"""Seconds within which there must be a moment to kill a host."""


@dataclass
class Soak:
    """People, automation and trouble on a running stack; `struck` counts how often each trouble did."""

    stack: Stack
    chance: Random
    entered: int = 0
    asked: int = 0
    """How many of the deals were to be Microsoft's, too."""
    newest: dict[tuple[str, str, str], Meaning] = field(default_factory=dict)
    """The newest edit of each field, by side and referral."""
    struck: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    records: dict[str, dict[str, str]] = field(default_factory=dict)
    """Record ids by CRM and referral, as they were seen last."""
    second: HostProcess | None = None
    _serial: int = 0

    # --- people ----------------------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Somebody enters a deal: a colleague, Microsoft, or a seller in one of the CRMs."""
        self.entered += 1
        kind = self.chance.randrange(4)
        if kind < 2:
            self.stack.partner_center.portal.create_referral("own" if kind else "cosell-inbound")
            return
        asks = self.chance.random() < 0.3
        self.asked += asks
        self.stack.sellers[CRMS[kind - 2]].opportunity(help=HELP if asks else "")

    def edit(self) -> None:
        """Somebody types a new value on one of the three sides."""
        side = self.chance.choice((*CRMS, "partner_center"))
        known = self.records.get(side if side in CRMS else CRMS[0], {})
        if not known:
            return
        referral_id = self.chance.choice(list(known))
        name, value = self._value(side)
        if side in CRMS:
            self.stack.sellers[side].edit(known[referral_id], **{name: value})
        else:
            wire = f"{value}T00:00:00Z" if isinstance(value, date) else value
            path = "/" + BY_NAME[name].path.replace(".", "/")
            self.stack.partner_center.portal.edit(referral_id, {path: int(value) if name == "deal_value" else wire})
        self.newest[side, referral_id, name] = value

    def _value(self, side: str) -> tuple[str, Any]:
        self._serial += 1
        name = self.chance.choice(FIELDS)
        if name == "deal_value":
            return name, Decimal(100_000 + self._serial)
        if name == "closing_date":
            return name, date(2028, 1, 1) + timedelta(days=self._serial)
        dictated = side == "partner_center" and self.chance.random() < 0.3
        return name, TRIGGER if dictated else f"note {self._serial:06}"

    def decide(self) -> None:
        """Somebody accepts an invitation, and Microsoft one of ours."""
        for row in self.ours():
            if row["status"] == "New" and self.chance.random() < 0.2:
                self.stack.partner_center.portal.accept(row["id"])
        for row in self.stack.partner_center.referrals():
            if row["organizationId"] == "msft" and row["status"] == "New" and self.chance.random() < 0.2:
                self.stack.partner_center.microsoft.accept(row["engagementId"])

    # --- trouble ---------------------------------------------------------------------------------------------------

    def trouble(self) -> None:
        """Let one of the next calls of the app fail, or an event go wrong."""
        kinds: Mapping[str, Callable[[], Fault]] = {
            "503": lambda: Fault("status", status=503, method=self.chance.choice(("GET", "PATCH"))),
            "429": lambda: Fault("status", status=429, headers={"Retry-After": "1"}),
            "no connection": lambda: Fault("reset_before", method=self.chance.choice(("GET", "PATCH"))),
            "the answer to a write is lost": lambda: Fault("reset_after", method=self.chance.choice(("PATCH", "POST"))),
            "a slow answer": lambda: Fault("delay", seconds=1.5),
        }
        for kind, make in kinds.items():
            servers = [self.stack.vendors.servers["referrals"], *(each.server for each in self.stack.sellers.values())]
            if self.chance.random() < 0.4:
                self.faults.append((kind, self.chance.choice(servers).faults.inject(make())))
        modes = self.stack.partner_center.modes
        modes.duplicate, modes.reorder, modes.drop = (self.chance.random() < 0.3 for _ in range(3))

    def struck_all(self) -> bool:
        """Whether each trouble has struck."""
        count = self.count()
        return all(count[kind] for kind in KINDS)

    def count(self) -> Counter[str]:
        """Return how often each trouble struck."""
        struck = Counter(self.struck)
        for kind, fault in self.faults:
            struck[kind] += fault.fired
        bodies = Counter(each.body for each in self.stack.partner_center.deliveries if each.state == "delivered")
        struck["an event comes twice"] += sum(times - 1 for times in bodies.values())
        struck["an event is lost"] += sum(each.state == "lost" for each in self.stack.partner_center.deliveries)
        return struck

    def kill(self) -> None:
        """Kill one of the two host processes in the middle of whatever else it does, and start it again.

        Raises TimeoutError when a referral is being made all the time.
        """
        assert self.second
        deadline = time.monotonic() + PATIENCE
        while self.sharing():
            if time.monotonic() > deadline:
                raise TimeoutError(f"for {PATIENCE} s a referral was being made at each moment")
            self.edit()
            time.sleep(BREATH)
        self.struck["a host is killed"] += 1
        if self.struck["a host is killed"] % 2:
            self.stack.restart(crash=True)
        else:
            self.second.kill()
            self.second.close()
            self.second = another_host(self.stack)

    def reconcile(self) -> None:
        """Let both hosts look for what was missed, and bring back what waits."""
        for host in (self.stack.host, self.second):
            if host:
                url, headers = f"{host.url}/admin/functions/Reconciler", {"x-functions-key": host.keys["_master"]}
                requests.post(url, json={"input": ""}, headers=headers, timeout=60).raise_for_status()

    def end_second(self) -> None:
        """Stop the second host process."""
        if self.second:
            self.second.close()

    def sharing(self) -> bool:
        """Whether a referral is being made at this moment.

        A process that dies of it leaves an answer open, and nothing is posted again for ten minutes: right, tried at
        every call in tests/simulation, and too long to wait for here.
        """
        with TableClient.from_connection_string(self.stack.settings()["AzureWebJobsStorage"], "cosell") as table:
            return any(True for _ in table.query_entities("RowKey ge 'intent:' and RowKey lt 'intent;'"))

    def automate(self) -> None:
        """Let each CRM's own logic change what it is given, within the write."""
        for name, seller in self.stack.sellers.items():
            column = NOTES_COLUMN[name]
            effect = SideEffect("Opportunity", {column: PUT_RIGHT}, {column: TRIGGER})
            if name == sides.DYNAMICS:
                effect = SideEffect("opportunity", {column: PUT_RIGHT}, {column: TRIGGER})
            seller.simulator.side_effect(self._counted(effect))  # type: ignore[attr-defined]

    def _counted(self, effect: SideEffect) -> Callable[[str, str, dict[str, object]], Mapping[str, object] | None]:
        def act(table: str, row_id: str, row: dict[str, object]) -> Mapping[str, object] | None:
            changes = effect(table, row_id, row)
            self.struck["automation changes a write"] += changes is not None
            return changes

        return act

    # --- looking ---------------------------------------------------------------------------------------------------

    def ours(self) -> list[Body]:
        """Return our own referrals."""
        return [row for row in self.stack.partner_center.referrals() if row["organizationId"] != "msft"]

    def rows(self, crm: str) -> list[dict[str, Any]]:
        """Return a CRM's opportunities as it stores them; Dynamics 365's currency by its code."""
        seller: Any = self.stack.sellers[crm]
        if crm == sides.SALESFORCE:
            return [dict(row) for row in seller.simulator.rows("Opportunity")]
        currencies = seller.simulator.seller.rows("transactioncurrency")
        codes = {row["transactioncurrencyid"]: row["isocurrencycode"] for row in currencies}
        rows = seller.simulator.seller.rows("opportunity")
        return [{**row, "transactioncurrencyid": codes.get(row["transactioncurrencyid"])} for row in rows]

    def look(self) -> None:
        """See which records belong to which referrals by now."""
        key = {sides.DYNAMICS: "opportunityid", sides.SALESFORCE: "Id"}
        for crm in CRMS:
            column = IDENTIFIER[crm]
            self.records[crm] = {str(row[column]): str(row[key[crm]]) for row in self.rows(crm) if row[column]}

    def amiss(self) -> list[str]:
        """Return what is not as it was promised, by the oracle and by counting."""
        ours = {str(row["id"]): row for row in self.ours()}
        found = [] if len(ours) == self.entered else [f"{len(ours)} referrals for {self.entered} deals"]
        theirs = Counter(
            row["engagementId"] for row in self.stack.partner_center.referrals() if row["organizationId"] == "msft"
        )
        found += [f"{count} rows of Microsoft in {key}" for key, count in theirs.items() if count != 1]
        for crm in CRMS:
            rows = self.rows(crm)
            count = Counter(str(row[IDENTIFIER[crm]] or "nobody") for row in rows)
            found += [f"{crm}: {times} records of {key}" for key, times in count.items() if times != 1]
            found += [f"{crm}: no record of {key}" for key in ours.keys() - count.keys()]
            for row in rows:
                if referral := ours.get(str(row[IDENTIFIER[crm]])):
                    found += [f"{crm} {referral['id']} {each}" for each in sides.apart(referral, row, crm)]
        # Those that are hidden try again what has succeeded meanwhile, up to minutes later.
        waiting = len(self.queue.peek_messages(32))
        return [*found, *([f"{waiting} messages"] if waiting else [])]

    def breathe(self) -> None:
        """Wait while the app is far behind: Azurite gets slower and slower with what waits in it, Azure does not."""
        while (self.queue.get_queue_properties().approximate_message_count or 0) > BEHIND:
            time.sleep(BREATH)

    @cached_property
    def queue(self) -> QueueClient:
        """The queue of the deals."""
        return QueueClient.from_connection_string(self.stack.settings()["AzureWebJobsStorage"], "deals")

    def lost(self) -> list[str]:
        """Return the newest edits that neither all sides hold nor the audit tells (P1)."""
        told = self._audit()
        ours = {str(row["id"]): row for row in self.ours()}
        lost = []
        for (side, referral_id, name), value in self.newest.items():
            held = BY_NAME[name].there(at(ours[referral_id], BY_NAME[name].path))
            if held != value and str(value) not in told[referral_id]:
                lost.append(f"{side} {referral_id} {name} {value}, and not {held}")
        return lost

    def _audit(self) -> Mapping[str, str]:
        """Return everything that the ledger's table says of each referral, as it is stored."""
        told: dict[str, str] = dict.fromkeys((str(row["id"]) for row in self.ours()), "")
        with TableClient.from_connection_string(self.stack.settings()["AzureWebJobsStorage"], "cosell") as table:
            for entity in table.query_entities("RowKey ge 'audit:' and RowKey lt 'audit;'"):
                key = str(entity["RowKey"]).removeprefix("audit:").rpartition(":")[0]
                if key in told:
                    told[key] += json.dumps(dict(entity), default=str)
        return told

    def poisoned(self) -> int:
        """Return how many messages were given up."""
        connection = self.stack.settings()["AzureWebJobsStorage"]
        with QueueClient.from_connection_string(connection, "deals-poison") as queue:
            return sum(1 for _ in queue.peek_messages(32)) if _exists(queue) else 0


def _exists(queue: QueueClient) -> bool:
    try:
        queue.get_queue_properties()
    except Exception:  # noqa: BLE001 - whatever it says, there is nothing to be read
        return False
    return True


def another_host(stack: Stack) -> HostProcess:
    """Start a second process of the app, with timers of its own, on the same storage."""
    return HostProcess(ROOT, {**stack.settings(), "CRM_POLL_SCHEDULE": EVERY_11_SECONDS}, lock=LOCK).start()


def soak(links: int, kills: int, *, seed: int = 0, within: float = 240) -> Soak:
    """Let it all happen to so many pairs of referral and record; returns what was found once everything is at rest.

    Raises TimeoutError with what is still amiss when it does not come to rest.
    """
    settings = {"MASS_CHANGE_DEALS": str(100 * links)}
    with ExitStack() as running:
        stack = running.enter_context(
            Stack(
                crms=CRMS,
                settings=settings,
                lock=LOCK,
                poll_schedule=EVERY_5_SECONDS,
                reconcile_schedule=EVERY_10_MINUTES,
            )
        )
        stack.register().raise_for_status()
        its = Soak(stack, Random(seed))
        its.second = another_host(stack)
        running.callback(its.end_second)
        its.queue.create_queue()  # Else the app does, with its first message.
        its.automate()
        _live(its, deals=links // len(CRMS), kills=kills)
        _rest(its, within)
        its.struck = its.count()
        assert its.lost() == []
        assert its.poisoned() == 0
        return its


def _live(its: Soak, *, deals: int, kills: int) -> None:
    acts = deals + min(deals * EDITS_OF_A_DEAL, MOST_EDITS)
    stretch = acts // (kills + 1)
    look_every = 5 * (5 + deals // 50)  # A look costs the more the more deals there are.
    for number in range(acts):
        if number and number % stretch == 0 and its.struck["a host is killed"] < kills:
            its.kill()
            its.reconcile()
            print(f"host killed {its.struck['a host is killed']} times, {its.entered} deals, {number} acts", flush=True)
        if number % 10 == 0:
            its.breathe()
        # Before a host is killed what was entered gets shared; edits go on.
        if its.entered < min(deals, 2 * deals * number / acts) and number % 5 and number % stretch < stretch * 3 // 4:
            its.enter()
        else:
            _act(its, number, look_every)
        time.sleep(PACE)
    while its.entered < deals:
        its.enter()
    for number in range(MORE):
        if its.struck_all():
            break
        _act(its, number, look_every)
        time.sleep(PACE)


def _act(its: Soak, number: int, look_every: int) -> None:
    if number % look_every == 0:
        its.look()
        its.decide()
    elif number % 10 == 5:
        its.trouble()
    else:
        its.edit()


def _rest(its: Soak, within: float) -> None:
    """Let nothing go wrong any more, let somebody decide every invitation, and wait until nothing is amiss."""
    for server in its.stack.vendors.servers.values():
        server.faults.clear()
    modes = its.stack.partner_center.modes
    modes.duplicate = modes.reorder = modes.drop = False
    deadline, calm = time.monotonic() + within, 0
    while time.monotonic() < deadline:
        began = time.monotonic()
        for row in its.ours():
            if row["status"] == "New":
                its.stack.partner_center.portal.accept(row["id"])
        calm = 0 if its.amiss() else calm + 1
        if calm == CALM:
            return
        if calm == 0 and not its.queue.peek_messages():
            its.reconcile()
        # The simulated vendors live in this process: a look at thousands of rows is time that they do not get.
        time.sleep(1 if calm else max(1, 4 * (time.monotonic() - began)))
    raise TimeoutError("\n".join(its.amiss()[:20]))


def main(arguments: list[str]) -> int:
    """Soak, and tell what happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.soak", description=__doc__)
    parser.add_argument("--links", type=int, default=2000, help="pairs of referral and record; a deal has two")
    parser.add_argument("--kills", type=int, default=10, help="how often a host process is killed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--within", type=float, default=600, help="seconds until everything must be at rest")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    its = soak(options.links, options.kills, seed=options.seed, within=options.within)
    print(f"{options.links} links, {len(its.newest)} fields edited, {time.monotonic() - began:.0f} s: all as promised")
    for kind, times in sorted(its.struck.items()):
        print(f"{times:6}  {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
