"""A command fills its process's environment from a settings file and silences libraries; each test puts both back."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in ("azure", "msal", "urllib3")}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
