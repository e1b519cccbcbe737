"""Which files of the checkout are the app: those that .funcignore lets through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec


def published(root: Path) -> list[str]:
    """Return the app's files, relative to `root` and with forward slashes, in order."""
    return sorted(_walk(root, GitIgnoreSpec.from_lines((root / ".funcignore").read_text("utf-8").splitlines())))


def _walk(root: Path, ignored: GitIgnoreSpec) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        # A folder that is left out is not entered: nothing inside can be let in again.
        folders[:] = [name for name in folders if not ignored.match_file(f"{(here / name).as_posix()}/")]
        for name in files:
            path = (here / name).as_posix()
            if not ignored.match_file(path):
                yield path
