"""How large the package is that is published to Azure."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tools.admin.package.build import PYTHONS, build
from tools.bench.rows import Row


def run(_rounds: int) -> list[Row]:
    """Build it, for the newest Python that Azure has, and look."""
    with tempfile.TemporaryDirectory(prefix="cosell-bench-") as folder:
        package = build(PYTHONS[-1], Path(folder) / "app.zip")
    return [
        Row("package: dependencies", package.dependencies_size / 1e6, "MB", 80, at_most=True),
        Row("package: the app", package.app_size / 1e6, "MB"),
    ]
