"""README and the other pages name only commands and options that exist, and lead only to headings that exist."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from tools.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("infra/*.md"))
}
TYPED = [
    pytest.param(line, id=f"{page}: {line}")
    for page, text in PAGES.items()
    for block in re.findall(r"(?ms)^ *```\w*\n(.*?)^ *```", text)
    for line in re.findall(r"(?:python3|py) cosell\.py +([^\n]+)", block)
]
"""Whole commands, as they are typed."""
NAMED = [
    pytest.param(words, id=f"{page}: {words}")
    for page, text in PAGES.items()
    for words in re.findall(r"`(?:python3 )?cosell\.py +([^`\n]+)`", text)
]
"""Commands in a sentence, often without the options that they need."""


def parser_of(command: str) -> argparse.ArgumentParser | None:
    """Return the command's parser; the developer's commands hand theirs to pytest or have none of their own."""
    module = importlib.import_module(f"tools.cli.{command.replace('-', '_')}")
    make = getattr(module, "_parser", None)
    return make() if make else None


def words_of(line: str) -> list[str]:
    """Return what a shell makes of the line; `<what you fill in>` is a 1, which is a word and a number."""
    line = re.split(r" [|>] ", line)[0]
    return shlex.split(re.sub(r"<[^>]*>", "1", line), comments=True)


def test_the_pages_show_commands() -> None:
    shown = {param.values[0].split()[0] for param in TYPED}  # type: ignore[union-attr]
    assert {"sign-in", "settings", "provision", "doctor", "preview", "package", "register"} <= shown
    assert len(NAMED) > len(COMMANDS)


@pytest.mark.parametrize("line", TYPED)
def test_a_command_that_is_shown_can_be_typed(line: str) -> None:
    command, *args = words_of(line)
    assert command in COMMANDS
    if parser := parser_of(command):
        parser.parse_args(args)


@pytest.mark.parametrize("words", NAMED)
def test_a_command_in_a_sentence_exists_with_its_options(words: str) -> None:
    command, *args = words_of(words)
    assert command in COMMANDS or command.startswith(("<", "-", "1")), command
    if command in COMMANDS and (parser := parser_of(command)):
        known = parser._option_string_actions
        assert {each for each in args if each.startswith("--")} <= known.keys()


@pytest.mark.parametrize("page", PAGES)
def test_a_link_to_a_heading_finds_it(page: str) -> None:
    for path, anchor in re.findall(r"\]\(([^)#:\s]*)#([^)\s]+)\)", PAGES[page]):
        target = (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page
        headings = re.findall(r"(?m)^#+ (.+)$", target.read_text(encoding="utf-8"))
        known = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in known, f"{path}#{anchor}"
