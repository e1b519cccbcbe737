"""`cosell.py package`: what is published to Azure, built and proven here."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.admin.package import lock
from tools.admin.package.build import PYTHONS, Package, build
from tools.admin.package.lock import PackageError


def main(args: list[str]) -> int:
    """Build, and verify when asked to; 1 when there is no package to publish."""
    options = _parser().parse_args(args)
    try:
        if options.lock or options.upgrade:
            lock.renew(upgrade=options.upgrade)
            print("requirements.txt and constraints.txt are resolved; run the tests before you commit them.")
            return 0
        package = build(options.python, options.output)
        _tell(package, options)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _tell(package: Package, options: argparse.Namespace) -> None:
    found: dict[str, Any] = asdict(package)
    if not options.json:
        print(_built(package), flush=True)
    if options.verify:
        from tools.local.verify import verify

        seen = verify(package)
        found["verified"] = asdict(seen)
        if not options.json:
            print(f"Imported from the package alone in {seen.import_seconds:.2f} s: {', '.join(seen.functions)}")
            print("\n".join(f"✔ {step}" for step in seen.steps))
    if options.json:
        print(json.dumps(found, indent=2, default=str))


def _built(package: Package) -> str:
    return (
        f"{package.file}: {package.size / 1e6:.1f} MB, for Python {package.python} on Linux\n"
        f"  the app {package.app_size / 1e6:.1f} MB, {package.dependencies} dependencies "
        f"{package.dependencies_size / 1e6:.1f} MB, {package.files} files\n"
        f"  bill of materials: {package.bill}"
    )


def _parser() -> argparse.ArgumentParser:
    about = "Build the zip that is published to Azure: the app and its locked dependencies, for Azure's platform."
    parser = argparse.ArgumentParser(prog="cosell.py package", description=about)
    parser.add_argument(
        "--python", choices=PYTHONS, default=PYTHONS[-1], help="of the function app; default %(default)s"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="the zip; default: one under dist/ of the checkout")
    parser.add_argument("--verify", action="store_true", help="run the package on this machine, with simulated vendors")
    parser.add_argument("--json", action="store_true", help="print what was built, and seen, as JSON")
    parser.add_argument("--lock", action="store_true", help="only resolve requirements.txt and constraints.txt anew")
    parser.add_argument("--upgrade", action="store_true", help="the same, with the newest release of everything")
    return parser
