"""Fixtures for every test."""

import signal
import threading
from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadFileScheduling

from tools.local.azurite import Azurite

LONGEST = ("tests/e2e/test_demo.py", "tests/e2e/test_installation.py")
ALONE = ("tests/simulation/", "tests/planted/", *LONGEST)
"""Where the tests of a file share nothing: each goes to whichever worker is free."""


ORDER = (*LONGEST, "tests/planted/", "tests/simulation/", "tests/e2e/", "tests/tools/", "tests/contract/", "tests/")
"""Side by side, what takes longest begins first: no worker is busy with it when the others are done."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests of a worker by `ORDER`."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: [not item.nodeid.startswith(room) for room in ORDER])


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
def azurite() -> Iterator[str]:
    """The connection string of an Azurite that lives as long as the test run; started by the first test that asks."""
    with Azurite() as storage:
        yield storage.connection_string
