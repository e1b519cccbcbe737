"""Fixtures for the simulation."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def quiet() -> Iterator[None]:
    """What the app logs is not kept; and once a test has switched that off, it is on for the next one."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
