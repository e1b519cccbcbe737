"""JSON on standard output, written row by row: memory does not grow with the answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self


class JsonStream:
    """One JSON object: an array of rows under `name`, and behind it what is known at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows = 0
        self._ended = False

    def __enter__(self) -> Self:
        sys.stdout.write(f'{{"{self._name}": [')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended and not isinstance(error, BrokenPipeError):
            self.end(complete=False)

    def add(self, row: Mapping[str, object]) -> None:
        """Write a row."""
        sys.stdout.write(f"{',' if self._rows else ''}\n{json.dumps(row, ensure_ascii=True)}")
        self._rows += 1

    def end(self, **more: object) -> None:
        """Write what stands behind the rows; `complete` is false when something stopped them."""
        rest = {"complete": True, **more}
        sys.stdout.write(f"\n], {json.dumps(rest, ensure_ascii=True)[1:]}\n")
        sys.stdout.flush()
        self._ended = True
