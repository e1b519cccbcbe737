"""Fixtures for every test."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from xdist.scheduler import LoadFileScheduling

from tools.local.azurite import Azurite

LONGEST = ("tests/e2e/test_demo.py", "tests/e2e/test_installation.py")
ALONE = ("tests/simulation/", "tests/planted/", *LONGEST)
"""Where the tests of a file share nothing: each goes to whichever worker is free."""


ACCOUNTS = 500
"""How many systems of their own the tests of one worker may have."""

WAITING = (*LONGEST, "tests/e2e/")
"""What waits for servers most of the time."""

FIRST = (*WAITING, "tests/planted/", "tests/simulation/", "tests/tools/", "tests/contract/", "tests/")
"""What takes longest comes first."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests of a worker: those that begin first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next(number for number, room in enumerate(FIRST) if item.nodeid.startswith(room)))


class Spread(LoadFileScheduling):  # type: ignore[misc] # the library has no types
    """Gives a worker whole files, whose tests share a stack, and the tests of `ALONE` one by one.

    As many workers as there are cores calculate, so that no core is idle, while the others wait for servers; who has
    no more of his own helps the others.
    """

    def _assign_work_unit(self, node: object) -> None:
        waits = self.nodes.index(node) >= (os.cpu_count() or 1)
        own = next((scope for scope in self.workqueue if scope.startswith(WAITING) is waits), None)
        if own:
            self.workqueue.move_to_end(own, last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(ALONE) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Spread | None:
    """Spread the tests as `Spread` says, where `--dist loadfile` was asked for."""
    return Spread(config, log) if config.getvalue("dist") == "loadfile" else None


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A shell ignores Ctrl-C for what it starts in the background; every process that a test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if threading.current_thread() is threading.main_thread():
    # What ends a run ends it as Ctrl-C does: every fixture takes down the servers that it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def emulator() -> Iterator[Azurite]:
    """An Azurite that lives as long as the test run; started by the first test that asks."""
    with Azurite(accounts=ACCOUNTS) as running:
        yield running


@pytest.fixture(scope="session")
def azurite(emulator: Azurite) -> str:
    """The connection string of an account that all tests share."""
    return emulator.connection_string


@pytest.fixture(scope="session")
def account(emulator: Azurite) -> Callable[[], str]:
    """What gives connection strings of empty accounts, for a whole system each."""
    return emulator.account


@pytest.fixture
def storage(account: Callable[[], str]) -> str:
    """The connection string of an account that is the test's own."""
    return account()
