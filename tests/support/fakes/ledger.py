"""A ledger whose drawers fail on demand, and that counts what is done to them."""

from __future__ import annotations

from collections.abc import Callable

from shared.ledger.drawers import Drawers
from shared.ledger.memory import MemoryLedger, MemoryValues, Versions

Failure = Exception | Callable[[], None]
"""What happens instead of a write, or right before it."""


class FailingValues(MemoryValues):
    """Implements Values. `failures` are what the next writes meet, in order."""

    def __init__(self) -> None:
        super().__init__(Versions())
        self.failures: list[Failure] = []
        self.reads = self.writes = 0

    def get(self, kind: str, name: str) -> tuple[str, str] | None:
        """Count a read."""
        self.reads += 1
        return super().get(kind, name)

    def put(self, kind: str, name: str, text: str, etag: str | None) -> str:
        """Fail, or count a write."""
        self._fail()
        self.writes += 1
        return super().put(kind, name, text, etag)

    def remove(self, kind: str, name: str, etag: str) -> None:
        """Fail, or count a write."""
        self._fail()
        self.writes += 1
        super().remove(kind, name, etag)

    def _fail(self) -> None:
        if not self.failures:
            return
        failure = self.failures.pop(0)
        if isinstance(failure, Exception):
            raise failure
        failure()


class FailingLedger(MemoryLedger):
    """A memory ledger whose drawers fail on demand."""

    values: FailingValues

    def __init__(self) -> None:
        super().__init__()
        self.values = FailingValues()
        self.drawers = Drawers(self.values)
