"""What a test needs to know about the message catalogue."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

from shared.messages import ENGLISH, catalogue


def of_template(template: str) -> set[tuple[str, str]]:
    """Return a sentence's placeholders, each with its format spec."""
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(template) if name is not None}


def placeholders(section: str, key: str, language: str = ENGLISH) -> set[str]:
    """Return the names of the values that a sentence, or any sentence of a problem, needs."""
    entry = getattr(catalogue(language), section)[key]
    templates = [entry] if isinstance(entry, str) else entry.values()
    return {name for template in templates for name, _ in of_template(template)}


def calls(*folders: Path) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in the Python files of folders, with its place."""
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield f"{path}:{node.lineno}:{node.col_offset}", node
