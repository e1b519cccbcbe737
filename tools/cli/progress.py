"""How far long work has come: a line that a terminal shows, and nothing anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

import rich.progress
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text


class Progress:
    """A progress bar on standard error; without a terminal there it is silent."""

    def __init__(self, title: str, unit: str, total: int | None = None) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(unit),
            TimeElapsedColumn(),
        )
        self._bar = rich.progress.Progress(
            *columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True
        )
        self._title = title
        self._task = self._bar.add_task(title, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def tell(self, what: str, count: int) -> None:
        """Say how many of what are done."""
        self._bar.update(self._task, description=f"{self._title}: {what}", completed=count)


class _Rate(ProgressColumn):
    """How many per second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: rich.progress.Task) -> Text:
        """Return the present rate."""
        return Text(f"{task.speed or 0:.1f} {self._unit}/s", style="progress.data.speed")
