"""Builds the package: the app's files, and the locked dependencies for Azure's Python and platform."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from tools.admin.package.contents import published
from tools.admin.package.lock import COMMAND, DEPLOYED, ROOT, PackageError, deployed, unmet, uv
from tools.admin.package.pythons import interpreter
from tools.admin.package.sbom import bill_of_materials

PYTHONS = ("3.11", "3.12", "3.13")
"""What the app supports, and Azure Functions offers."""
PLATFORM = "x86_64-manylinux_2_28"
"""Wheels for this run on every image of Azure Functions for Linux."""
PACKAGES = ".python_packages/lib/site-packages"
"""Where Azure's worker looks for the app's dependencies."""
AZURE_ROOT = "/home/site/wwwroot"
LIMIT = 80_000_000
"""Bytes that the dependencies may take: what every new instance has to fetch before it can start."""
EPOCH = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """What was built: the zip, its bill of materials, and its figures; sizes are in bytes."""

    file: Path
    bill: Path
    python: str
    size: int
    files: int
    app_size: int
    dependencies: int
    dependencies_size: int


def build(python: str, output: Path | None = None) -> Package:
    """Build for this Python into the zip `output`, by default under `dist/`.

    Raises PackageError when the lock is stale, a dependency has no wheel for Azure, or the limit of size is passed.
    """
    if stale := unmet(python):
        raise PackageError(f"requirements.txt does not satisfy {', '.join(stale)}. Run `{COMMAND}`.")
    with tempfile.TemporaryDirectory(prefix="cosell-package-") as folder:
        root = Path(folder)
        for name in published(ROOT):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
        app_size = _size(root)
        installed = _install(root / PACKAGES, python)
        _compile(root, python)
        size = _size(root / PACKAGES)
        if size > LIMIT:
            raise PackageError(
                f"The dependencies take {size / 1e6:.0f} MB, more than the {LIMIT / 1e6:.0f} MB allowed."
            )
        about = _about(python, installed)
        (root / "build.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
        file = output or ROOT / "dist" / f"cosell-{about['version']}-py{python.replace('.', '')}.zip"
        file.parent.mkdir(parents=True, exist_ok=True)
        bill = file.with_suffix(".cdx.json")
        bill.write_text(bill_of_materials(str(about["version"]), installed, deployed(python), python), "utf-8")
        files = _zip(root, file)
    return Package(file, bill, python, file.stat().st_size, files, app_size, len(installed), size)


def _install(target: Path, python: str) -> list[Distribution]:
    """Install exactly what the lock has for this Python. Raises PackageError when anything else is there afterwards."""
    how = ["--only-binary", ":all:", "--no-deps", "--require-hashes", "--link-mode", "copy", "--quiet"]
    where = ["--target", str(target), "--python-version", python, "--python-platform", PLATFORM]
    uv(["pip", "install", *where, *how, "-r", DEPLOYED])
    for left in (*target.glob(".lock"), *target.glob("bin")):  # uv's own lock, and commands that nobody calls there
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    installed = sorted(distributions(path=[str(target)]), key=lambda each: each.name.lower())
    found = {canonicalize_name(each.name): each.version for each in installed}
    wanted = {name: pin.version for name, pin in deployed(python).items()}
    if found != wanted:
        raise PackageError(f"Installed is not what the lock has: {sorted(found.items() ^ wanted.items())}")
    return installed


def _compile(root: Path, python: str) -> None:
    """Compile to bytecode where that Python is at hand: Azure's folder is read-only, and each start would do it anew.

    Whether a source is newer is not checked at run time: moments do not survive a zip, and a package never changes.
    """
    found = interpreter(python)
    if found:
        command = [found, "-I", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
        # Stack traces show where Azure puts the files. Templates of code in some packages do not compile: harmless.
        subprocess.run([*command, "-s", str(root), "-p", AZURE_ROOT, str(root)], capture_output=True, check=False)


def _about(python: str, installed: list[Distribution]) -> dict[str, object]:
    """Return what build.json says: enough to build the same again."""
    return {
        "version": tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"],
        "commit": _git("rev-parse", "HEAD"),
        "modified": bool(_git("status", "--porcelain", "--", *published(ROOT))),
        "python": python,
        "platform": PLATFORM,
        "lock": hashlib.sha256((ROOT / DEPLOYED).read_bytes()).hexdigest(),
        "packages": {each.name: each.version for each in installed},
    }


def _git(*arguments: str) -> str:
    """Return git's answer; empty where there is no git or no repository."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _zip(root: Path, file: Path) -> int:
    """Write the zip, the same bytes for the same files, and return their number; a half one never has its name."""
    draft = file.with_name(f"{file.name}.new")
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in paths:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    draft.replace(file)
    return len(paths)
