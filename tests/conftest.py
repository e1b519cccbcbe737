"""Fixtures for every test."""

from collections.abc import Iterator

import pytest

from tools.local.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of an Azurite that lives as long as the test run; started by the first test that asks."""
    with Azurite() as storage:
        yield storage.connection_string
