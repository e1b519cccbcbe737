"""Partner Center's one webhook registration, in memory; proven with the real client in tests/contract."""

from __future__ import annotations

from shared.errors import AlreadyExists, CosellError, DataError, GoneError, Problem
from shared.partner_center.webhooks import Registration, Validation
from shared.webhook.registration_request import TEST_EVENT

TESTED = "test-1"


class FakeWebhooks:
    """Implements Webhooks. `fate` is what is told about a test event, one answer per question, the last one for ever.

    `failure` is raised by whatever is called next, as long as it is set.
    """

    def __init__(self, current: Registration | None = None, *fate: Validation | Exception) -> None:
        self.current = current
        self.fate = list(fate)
        self.failure: CosellError | None = None
        self.writes: list[str] = []
        self.tests = 0
        self.looks = 0

    def registration(self) -> Registration | None:
        self._fail()
        self.looks += 1
        return self.current

    def register(self, registration: Registration) -> None:
        self._fail()
        if self.current:
            raise AlreadyExists("exists")
        self.writes.append("register")
        self.current = registration

    def replace(self, registration: Registration) -> None:
        self._fail()
        if not self.current:
            raise GoneError("none")
        self.writes.append("replace")
        self.current = registration

    def send_test_event(self) -> str:
        self._fail()
        if self.current is None or TEST_EVENT not in self.current.events:
            raise DataError(Problem("events", "test-created is not registered", "Register it."))
        self.tests += 1
        return TESTED

    def validation(self, correlation_id: str) -> Validation:
        self._fail()
        if correlation_id != TESTED or not self.fate:
            raise GoneError("no such test event")
        told = self.fate.pop(0) if len(self.fate) > 1 else self.fate[0]
        if isinstance(told, Exception):
            raise told
        return told

    def _fail(self) -> None:
        if self.failure:
            raise self.failure
