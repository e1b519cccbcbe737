"""The soak of `cosell.py test --nightly`, short: real parts, two host processes, both CRMs, trouble on every side."""

from __future__ import annotations

import pytest

from tests.e2e.soak import KINDS, soak


@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_doubled_while_hosts_are_killed() -> None:
    its = soak(links=24, kills=2)
    assert len(its.newest) > 12
    assert all(its.struck[kind] for kind in KINDS)
