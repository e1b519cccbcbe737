"""Fixtures for every test."""

import signal
import threading
from collections.abc import Iterator

import pytest

from tools.local.azurite import Azurite

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN and threading.current_thread() is threading.main_thread():
    # A shell ignores Ctrl-C for what it starts in the background; every process that a test starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite that lives as long as the test run; started by the first test that asks."""
    with Azurite() as storage:
        yield storage.connection_string
