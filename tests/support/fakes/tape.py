"""What passed through the ports, call by call, and the places where a test interferes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from shared.errors import CosellError

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone: power cut, scale-in, host restart. Nothing in the app may catch it."""


_LOOKS = {
    *("account", "audit_text", "beside", "beside_edited", "changes", "contact", "find_account", "find_alike", "owner"),
    *("changed_since", "engagement", "newest", "read", "undecided", "wait"),
    *("values.get", "values.all", "agenda.all", "agenda.due", "agenda.of", "intents.of"),
    *("links.all", "links.of_record", "links.of_referral", "links.of_engagement"),
}


class Step(NamedTuple):
    """One call through a port, or one HTTP request of it where the real client makes several."""

    number: int
    port: str
    name: str

    @property
    def looks(self) -> bool:
        """Whether the call leaves everything as it is."""
        return self.name in _LOOKS

    @property
    def remote(self) -> bool:
        """Whether the real thing is an HTTP request to a vendor."""
        return self.port in ("partner_center", "crm", "leads", "other_crm")


@dataclass
class Fault:
    """An error for the next matching steps: raised before the effect, or after it."""

    error: CosellError
    port: str | None = None
    name: str | None = None
    after: bool = False
    times: int | None = 1
    fired: int = 0

    def strikes(self, step: Step) -> bool:
        """Tell whether this fault is about such a step, and not used up."""
        due = self.times is None or self.fired < self.times
        return due and self.port in (None, step.port) and self.name in (None, step.name)


Hook = Callable[[Step], None]


def where_to_die(steps: Sequence[Step]) -> list[int]:
    """Return the numbers of the steps behind which a death is like no other one: each effect, and what comes before.

    Between two looks it leaves what it leaves before the first of them.
    """
    effects = [place for place, each in enumerate(steps) if not each.looks]
    return [steps[place].number for place in sorted({*effects, *(each - 1 for each in effects if each)})]


@dataclass
class Tape:
    """Records every step. `before` and `after` hooks may raise, or act as somebody else."""

    steps: list[Step] = field(default_factory=list)
    before: list[Hook] = field(default_factory=list)
    after: list[Hook] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def run(self, port: str, name: str, effect: Callable[[], T]) -> T:
        """Perform one step."""
        step = Step(len(self.steps), port, name)
        self.steps.append(step)
        for hook in tuple(self.before):
            hook(step)
        if self.faults:
            self._strike(step, after=False)
        try:
            result = effect()
            if self.faults:
                self._strike(step, after=True)
        finally:
            # Also when the answer is a refusal: the process may die of it all the same.
            for hook in tuple(self.after):
                hook(step)
        return result

    def fail(
        self,
        error: CosellError,
        port: str | None = None,
        name: str | None = None,
        *,
        after: bool = False,
        times: int | None = 1,
    ) -> Fault:
        """Order an error; `times=None` means until `faults` is cleared."""
        fault = Fault(error, port, name, after, times)
        self.faults.append(fault)
        return fault

    def crash_at(self, number: int, *, after: bool) -> None:
        """Let the process die at the step with this number, once."""
        hooks = self.after if after else self.before

        def die(step: Step) -> None:
            if step.number == number:
                hooks.remove(die)
                raise Crash(f"{'after' if after else 'before'} {step}")

        hooks.append(die)

    def crash_before(self, name: str) -> None:
        """Let the process die before the next step of that name, once."""

        def die(step: Step) -> None:
            if step.name == name:
                self.before.remove(die)
                raise Crash(f"before {step}")

        self.before.append(die)

    def remote(self, since: int = 0) -> Counter[str]:
        """Count the remote calls from step `since` on, as `crm.update`."""
        return Counter(f"{step.port}.{step.name}" for step in self.steps[since:] if step.remote)

    def _strike(self, step: Step, *, after: bool) -> None:
        for fault in self.faults:
            if fault.after is after and fault.strikes(step):
                fault.fired += 1
                raise fault.error


def taped(tape: Tape, port: str, name: str, query: Callable[[], Sequence[T]], size: int) -> Iterator[T]:
    """Yield the rows of a query page by page, one step for each, taken when it is needed like the real lists."""
    rows = tape.run(port, name, query)
    for start in range(0, max(len(rows), 1), size):
        if start:
            tape.run(port, name, lambda: None)
        yield from rows[start : start + size]
