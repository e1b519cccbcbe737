"""Fixtures for every test."""

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
"""What waits for servers most of the time. Beside it there is room for what calculates."""

CALCULATING = ("tests/planted/", "tests/simulation/")
LAST = ("tests/tools/", "tests/contract/", "tests/")

EARLY = 0.6
"""How far through what calculates the last of what waits begins: no worker is busy with it when the others are done."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests of a worker: what waits among what calculates, what takes longest first, and then the rest."""
    if not hasattr(config, "workerinput"):
        return
    rooms = (*WAITING, *CALCULATING, *LAST)
    items.sort(key=lambda item: _place(item.nodeid, rooms))
    waiting = sum(item.nodeid.startswith(WAITING) for item in items)
    calculating = sum(item.nodeid.startswith(CALCULATING) for item in items)
    early = [EARLY * number / max(waiting, 1) for number in range(waiting)]
    beside = [number / max(calculating, 1) for number in range(calculating)]
    places = [*early, *beside, *([1.0] * (len(items) - waiting - calculating))]
    items[:] = [item for _, item in sorted(zip(places, items, strict=True), key=lambda pair: pair[0])]


def _place(nodeid: str, rooms: tuple[str, ...]) -> int:
    """Return the number of the first of the rooms that a test is in."""
    return next(number for number, room in enumerate(rooms) if nodeid.startswith(room))


class Spread(LoadFileScheduling):  # type: ignore[misc] # the library has no types
    """Gives a worker whole files, whose tests share a stack, and the tests of `ALONE` one by one."""

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
