"""The nightly run goes on where it was interrupted, and tells what failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.simulation import nightly
from tests.simulation.wild import WildHistory

pytestmark = pytest.mark.usefixtures("quiet")

NO_MORE = ("--mutants", "0", "--links", "0", "--deals", "0")


def test_finished_blocks_are_not_lived_again_and_failures_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "nightly.json"
    state.write_text(json.dumps({"done": [0], "failed": {"17": "AssertionError: lost"}}))
    assert nightly.main(["--until", "1000", *NO_MORE, "--examples", "0", "--state", str(state)]) == 1
    assert capsys.readouterr().out == "seed 17: AssertionError: lost\n"
    assert list(nightly.blocks(3000, {0, 2})) == [1]


def test_wild_histories_are_lived_beside_the_others_and_named_as_they_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "failure", lambda history: "lost" if isinstance(history, WildHistory) else "")
    told = [f"{seed} --wild {acts}" for seed in (2, 3) for acts in ("people", "automation")]
    assert nightly.live(range(20, 40)) == dict.fromkeys(told, "lost")


def test_what_is_finished_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "nightly.json"
    monkeypatch.setattr(nightly, "BLOCK", 2)
    assert nightly.main(["--until", "4", *NO_MORE, "--examples", "1", "--state", str(state)]) == 0
    assert json.loads(state.read_text()) == {"done": [0, 1], "failed": {}}
