"""How much memory the app's process holds after it has handled many events: what it keeps must not grow with them."""

from __future__ import annotations

from pathlib import Path

from tools.bench.burst import create, update
from tools.bench.rows import Row
from tools.local.stack import Stack

DEALS = 600
WARM = 2
"""Edits of every deal before the first look: by then functions, clients and pools are there."""

EDITS = 16
"""Edits of every deal between the two looks; more of one field, so quickly, would pass for automation."""


def run(_rounds: int) -> list[Row]:
    """Measure, for some minutes. Raises TimeoutError when a deal is not right in time."""
    with Stack(patient=True, settings={"MASS_CHANGE_DEALS": str(10 * DEALS)}) as stack:
        stack.partner_center.modes.delay_seconds = 0
        stack.register().raise_for_status()
        records = create(stack, DEALS)
        for number in range(WARM):
            update(stack, records, 51_000 + number, pause=0)
        before = _resident(stack.host.worker_pid)
        for number in range(EDITS):
            update(stack, records, 60_000 + number, pause=0)
        after = _resident(stack.host.worker_pid)
    name = f"memory of the app after {DEALS * EDITS:,} changes"
    return [Row(name, after, "MiB", 1.2, at_most=True, peer=f"after {DEALS * WARM:,}", peer_figure=before)]


def _resident(pid: int) -> float:
    """Return the memory in MiB that a process has in RAM (proc(5), status)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
