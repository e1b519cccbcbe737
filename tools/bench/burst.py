"""How many deals a second the local stack brings into agreement, and how long each takes: signed events, real parts.

Azurite, the simulated vendors, the host and the app share this machine's cores, so the rates are the machine's as much
as ours. What says most about the app is the processor time that its worker process uses for each deal. That of the
local host stands beside it.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tools.bench.node_red import NodeRed
from tools.bench.rows import Row
from tools.local.localhost.process import HostProcess
from tools.local.stack import ROOT, Stack
from tools.simulators.sellers.seller import Deal

DEALS = 250
BEHIND = 20
"""How many deals that are not right yet a look meets before it ends: they come in about the order of their events."""

STEADY = 10
"""Events a second in the run that measures latency without a backlog, for as many deals."""


def run(_rounds: int) -> list[Row]:
    """Measure. Raises TimeoutError when a deal is not right in time."""
    with Stack(patient=True, settings={"MASS_CHANGE_DEALS": str(10 * DEALS)}) as stack:
        stack.partner_center.modes.delay_seconds = 0
        stack.register().raise_for_status()
        create(stack, 1)  # so that tokens, currencies and functions are there
        meter = Meter(stack)
        records = create(stack, DEALS)
        rows = meter.rows("creations", DEALS, rate=15, milliseconds=30)
        meter = Meter(stack)
        waits = update(stack, records, 51000, pause=0)
        rows += [*meter.rows("updates", DEALS, rate=30, milliseconds=15), *_latency("in a burst", waits, None)]
        rows += _latency(f"at {STEADY} events/s", update(stack, records, 52000, pause=1 / STEADY), 5.0)
        alone = rows[3].figure
        return [*rows, _second_host(stack, records, alone), _node_red(stack, records, alone)]


def create(stack: Stack, count: int) -> dict[str, str]:
    """Invite us to so many deals; returns record ids by referral id, once there is one for each."""
    ids = [str(stack.partner_center.portal.create_referral()["id"]) for _ in range(count)]
    records: dict[str, str] = {}

    def arrived() -> bool:
        for referral_id in ids[len(records) :]:
            if not (found := stack.crm.find(referral_id)):
                return False  # A look through all rows for each that is awaited would take the simulators' time.
            assert len(found) == 1, "one referral has more than one opportunity"  # noqa: S101
            records[referral_id] = found[0].id
        return True

    stack.eventually(arrived, "a record for each referral", within=300)
    return records


def update(stack: Stack, records: dict[str, str], value: int, *, pause: float) -> list[float]:
    """Change the value of every deal in Partner Center; returns the seconds after which each record had it."""
    asked, waits = dict[str, float](), list[float]()

    def look(deal_of: Callable[[str], Deal]) -> bool:
        behind = 0
        for referral_id in list(asked):
            if deal_of(records[referral_id]).deal_value == value:
                waits.append(time.monotonic() - asked.pop(referral_id))
            elif (behind := behind + 1) == BEHIND:
                break  # A look through all that are awaited would take the simulators' time.
        return len(waits) == len(records)

    for referral_id in records:
        asked[referral_id] = time.monotonic()
        stack.partner_center.portal.edit(referral_id, {"/details/dealValue": value})
        if pause:
            time.sleep(pause)
            look(stack.crm.deal)
    stack.eventually(lambda: look(stack.crm.deal), "every record with the new value", within=300)
    return waits


def _latency(when: str, waits: list[float], target: float | None) -> list[Row]:
    middle, late = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
    return [
        Row(f"event to record {when}, median", middle, "s"),
        Row(f"event to record {when}, p95", late, "s", target, at_most=True),
    ]


def _second_host(stack: Stack, records: dict[str, str], alone: float) -> Row:
    """Run the same burst with a second process of the app on the same queue."""
    with HostProcess(ROOT, stack.settings()):
        meter = Meter(stack)
        update(stack, records, 53000, pause=0)
        both = meter.rate(len(records))
    return Row("updates, two processes", both, "/s", peer="one", peer_figure=alone, more_is_better=True)


def _node_red(stack: Stack, records: dict[str, str], ours: float) -> Row:
    """Run the same burst through a flow that does nothing but carry the values, in the app's place."""
    stack.quiet().host.stop()
    with NodeRed(stack):
        start = time.monotonic()
        update(stack, records, 54000, pause=0)
        theirs = len(records) / (time.monotonic() - start)
    name = "updates, beside a flow that only carries values"
    return Row(name, ours, "/s", peer="Node-RED", peer_figure=theirs, more_is_better=True)


class Meter:
    """Wall clock and processor time of the app's processes since it was made."""

    def __init__(self, stack: Stack) -> None:
        stack.quiet()
        self._stack = stack
        self._start, self._worker, self._host = time.monotonic(), *self._used()

    def rate(self, count: int) -> float:
        """Return how many a second."""
        return count / (time.monotonic() - self._start)

    def rows(self, what: str, count: int, *, rate: float, milliseconds: float) -> list[Row]:
        """Return what the burst came to, with what follows it (echoes) in the processor time."""
        reached = self.rate(count)
        self._stack.quiet()
        worker, host = self._used()
        return [
            Row(f"{what}, burst of {count}", reached, "/s", rate),
            Row(
                f"{what}, processor time of the app",
                (worker - self._worker) / count * 1000,
                "ms",
                milliseconds,
                at_most=True,
            ),
            Row(f"{what}, processor time of the local host", (host - self._host) / count * 1000, "ms"),
        ]

    def _used(self) -> tuple[float, float]:
        """Return the seconds that the worker and the host have used."""
        host = self._stack.host
        return _processor_seconds(host.worker_pid), _processor_seconds(host.pid)


def _processor_seconds(pid: int) -> float:
    """Return the seconds of user and system time that a process has used (proc(5), stat)."""
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")
