"""The histories as Hypothesis makes them: a failure is shrunk to the fewest acts and the simplest chances.

The acts, the troubles and the promises are those of the seeded histories (tests/simulation/histories.py). What is
different: every chance is drawn by Hypothesis, and everything comes to rest in the middle, too, as often as it wants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.simulation.histories import History
from tests.simulation.promises import check

lived: Counter[str] = Counter()
"""How many acts there were, how many rests, and how often each trouble struck, since somebody cleared it."""

latest: list[list[str]] = []
"""The acts of the history that was lived last; after a failure it is the shortest that fails."""

OFTEN = (0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 5, 6, 7, 8)
"""The numbers of the troubles: those that strike only if there is still something to be done come more often."""

CHANCE = st.randoms(use_true_random=False)


class SyncMachine(RuleBasedStateMachine):
    """People, the platform and trouble, in any order; at every rest the promises are kept.

    Not `troubled`: nothing ever goes wrong.
    """

    troubled = True

    @initialize(calm=st.booleans(), closes=st.booleans())
    def begin(self, *, calm: bool, closes: bool) -> None:
        """Begin with an empty world; the app's first sweep has been."""
        self.history = History(0, calm=calm or not self.troubled, closes_records=closes)
        self.history.world.reconcile()
        self.acts = {act.__name__.strip("_"): act for _, act in self.history.acts()}
        self.sound = True
        self.told: list[str] = []
        latest.clear()
        latest.append(self.told)

    def _act(self, act: Callable[[], None], chance: Random) -> None:
        self.history.chance = chance
        self.sound = False
        self.told.append(act.__name__.strip("_"))
        act()
        self.sound = True
        lived["acts"] += 1

    @rule(chance=CHANCE)
    def new_deal(self, chance: Random) -> None:
        """Somebody enters a deal."""
        self._act(self.acts["new_deal"], chance)

    @precondition(lambda self: self.history.counts["deals"])
    @rule(name=st.sampled_from(["edit_record", "edit_referral", "close_referral"]), chance=CHANCE)
    def a_person(self, name: str, chance: Random) -> None:
        """Somebody edits or closes a deal."""
        self._act(self.acts[name], chance)

    @precondition(lambda self: self.history.closes_records)
    @rule(chance=CHANCE)
    def a_seller_closes(self, chance: Random) -> None:
        """A seller wins or loses a deal."""
        self._act(self.acts["close_record"], chance)

    @rule(name=st.sampled_from(["deliver_some", "work_some", "poll", "reconcile", "wait"]), chance=CHANCE)
    def the_platform(self, name: str, chance: Random) -> None:
        """Events arrive, timers tick, messages are taken, time passes."""
        self._act(self.acts[name], chance)

    @precondition(lambda self: not self.history.calm)
    @rule(kind=st.sampled_from(OFTEN), chance=CHANCE)
    def trouble(self, kind: int, chance: Random) -> None:
        """Something goes wrong."""
        self._act(self.history.troubles.acts()[kind][1], chance)

    @precondition(lambda self: self.history.counts["deals"])
    @rule()
    def rest(self) -> None:
        """Nothing goes wrong any more, and everything comes to rest: every promise is kept."""
        self._act(self._rest, Random(0))

    def _rest(self) -> None:
        self.history.rest()
        check(self.history, self.history.world)
        lived["rests"] += 1

    def teardown(self) -> None:
        """Come to rest, unless something has failed already."""
        if getattr(self, "sound", False):
            self._rest()
            lived.update(self.history.troubles.struck)


class CalmMachine(SyncMachine):
    """The same, and nothing ever goes wrong."""

    troubled = False


def explore(examples: int, steps: int, machine: type[SyncMachine] = SyncMachine) -> None:
    """Let Hypothesis look for a history that breaks a promise; the same ones each time. Raises what it breaks with."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            report_multiple_bugs=False,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
