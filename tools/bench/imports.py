"""How long a new process needs to import each function: the part of a cold start that is ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.bench.rows import Row

ROOT = Path(__file__).resolve().parents[2]
HEAVIEST, RECEIVER = 350, 250
TRIES = 5

_IMPORT = """
import sys, time
sys.path.insert(0, sys.argv[1])
start = time.perf_counter()
__import__(sys.argv[2])
print(time.perf_counter() - start)
"""


def run(_rounds: int) -> list[Row]:
    """Measure the quickest of some tries; the others met a busy machine, or no byte code yet."""
    names = sorted(file.parent.name for file in ROOT.glob("*/function.json"))
    return [_row(name) for name in names]


def _row(name: str) -> Row:
    target = RECEIVER if name == "WebhookReceiver" else HEAVIEST
    return Row(f"import of {name}", min(_milliseconds(name) for _ in range(TRIES)), "ms", target, at_most=True)


def _milliseconds(name: str) -> float:
    command = [sys.executable, "-c", _IMPORT, str(ROOT), name]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) * 1000
