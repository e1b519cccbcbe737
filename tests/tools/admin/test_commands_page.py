"""Every command of an administrator is in docs/OPERATIONS.md, with what it asks for and how it answers."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from tools.admin.commands_page import ASKS, table
from tools.cli.commands import ADMINISTRATOR

PAGE = Path(__file__).resolve().parents[3] / "docs" / "OPERATIONS.md"
WORDS = {
    "CRM": r"the CRM's",
    "PARTNER_CENTER": r"Partner Center's",
    "STORAGE": r"the storage's",
    "QUEUE": r"SYNC_QUEUE",
    "WEBHOOK": r"the webhook's|WEBHOOK_PUBLIC_URL",
    "CHAT": r"ALERT_",
}
"""By group of settings in tools/admin/asked.py, how the page calls it; KEEPING is part of Partner Center's."""


def test_the_page_has_the_table_as_the_commands_make_it() -> None:
    assert f"-->\n{table()}\n" in PAGE.read_text("utf-8"), "put in what python -m tools.admin.commands_page prints"


@pytest.mark.parametrize("command", ADMINISTRATOR)
def test_every_command_is_documented_and_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = [line for line in table().splitlines() if line.startswith(f"| `{command}` |")]
    cells = [each.strip() for each in row.strip("| ").split(" | ")]
    assert len(cells) == 5
    assert re.search(r"\b2\b|\b1\b", cells[4]), "its exit codes are told"
    parser = importlib.import_module(f"tools.cli.{command.replace('-', '_')}")._parser()
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--help"])
    assert ended.value.code == 0
    assert f"cosell.py {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(ADMINISTRATOR.keys() - {"doctor", "settings", "package", "lint"}))
def test_a_command_asks_for_the_settings_that_the_page_names(command: str) -> None:
    """Doctor asks for all of them, by itself; the others of these ask for none, or for a folder."""
    module = importlib.import_module(f"tools.cli.{command.replace('-', '_')}")
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    asked = {each.name for node in imports if node.module == "tools.admin.asked" for each in node.names}
    if any(node.module == "tools.cli.desk_command" for node in imports):
        asked |= {"STORAGE", "QUEUE"}
    named = {part for part, words in WORDS.items() if re.search(words, ASKS[command])}
    assert named == asked & WORDS.keys()
