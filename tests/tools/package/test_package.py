"""The package for the Python that runs: built, looked into, unpacked and run."""

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tools.admin.package import build as module
from tools.admin.package.build import PACKAGES, PYTHONS, Package, build
from tools.admin.package.contents import published
from tools.admin.package.lock import ROOT, PackageError, deployed
from tools.cli import package as command
from tools.local.verify import verify

pytestmark = pytest.mark.slow
PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
OTHER = next(python for python in PYTHONS if python != PYTHON)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build(PYTHON, tmp_path_factory.mktemp("package") / "app.zip")


@pytest.fixture
def archive(package: Package) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(package.file) as opened:
        yield opened


def test_it_holds_the_app_and_its_dependencies(archive: zipfile.ZipFile) -> None:
    names = [name for name in archive.namelist() if "__pycache__" not in name]
    ours = [name for name in names if not name.startswith(PACKAGES)]
    assert ours == sorted([*published(ROOT), "build.json"])
    assert f"{PACKAGES}/azure/functions/__init__.py" in names


def test_it_says_what_it_was_built_from(archive: zipfile.ZipFile) -> None:
    about = json.loads(archive.read("build.json"))
    assert about["lock"] == hashlib.sha256(archive.read("requirements.txt")).hexdigest()
    assert (about["python"], len(about["commit"])) == (PYTHON, 40)
    assert {name.lower().replace("_", "-") for name in about["packages"]} == set(deployed(PYTHON))


def test_its_dependencies_are_within_the_limit(package: Package) -> None:
    assert package.dependencies == len(deployed(PYTHON))
    assert 10_000_000 < package.dependencies_size <= 80_000_000
    assert package.app_size < 5_000_000


def test_every_module_is_compiled_once_and_for_all(archive: zipfile.ZipFile) -> None:
    compiled = [name for name in archive.namelist() if name.startswith("shared/") and name.endswith(".pyc")]
    assert len(compiled) == sum(name.startswith("shared/") and name.endswith(".py") for name in archive.namelist())
    assert all(int.from_bytes(archive.read(name)[4:8], "little") == 1 for name in compiled)  # unchecked hash
    assert b"/home/site/wwwroot/shared/" in archive.read(compiled[0])


def test_its_bill_of_materials_is_complete(package: Package) -> None:
    bill = json.loads(package.bill.read_text("utf-8"))
    components = {component["name"]: component for component in bill["components"]}
    assert (bill["bomFormat"], set(components)) == ("CycloneDX", set(deployed(PYTHON)))
    assert all(each["licenses"] and each["externalReferences"][0]["hashes"] for each in components.values())
    needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    msal = needs[components["msal"]["purl"]]
    assert [name.split("@")[0] for name in msal] == ["pkg:pypi/cryptography", "pkg:pypi/pyjwt", "pkg:pypi/requests"]


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "b.py").write_text("b")
    (root / "a.py").write_text("a")
    sums = set()
    for name in ("one.zip", "two.zip"):
        (root / "a.py").touch()
        assert module._zip(root, tmp_path / name) == 2
        sums.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(sums) == 1


def test_every_function_loads_from_it_alone_and_deals_go_through(package: Package) -> None:
    seen = verify(package)
    assert seen.functions == sorted(path.parent.name for path in ROOT.glob("*/function.json"))
    assert len(seen.steps) == 4
    assert "test event delivered: OK" in seen.steps[0]
    assert seen.import_seconds > 0


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        ({"shared/errors.py": "import tools"}, "No module named 'tools'"),
        ({"SyncWorker/__init__.py": "import pytest"}, "No module named 'pytest'"),
        ({"SyncWorker/__init__.py": "def main(): pass"}, "Not every function loads"),
    ],
)
def test_a_function_that_does_not_load_there_is_refused(
    package: Package, tmp_path: Path, spoil: dict[str, str], complaint: str
) -> None:
    spoiled = tmp_path / "spoiled.zip"
    with zipfile.ZipFile(package.file) as good, zipfile.ZipFile(spoiled, "w") as bad:
        for name in good.namelist():
            if name not in spoil and "__pycache__" not in name:
                bad.writestr(name, good.read(name))
        for name, text in spoil.items():
            bad.writestr(name, text)
    with pytest.raises(PackageError, match=complaint):
        verify(replace(package, file=spoiled))


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "LIMIT", 1_000_000)
    with pytest.raises(PackageError, match=r"The dependencies take \d+ MB, more than the 1 MB allowed"):
        build(PYTHON, tmp_path / "app.zip")
    assert not list(tmp_path.iterdir())


def test_another_python_gets_its_own_wheels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--python", OTHER, "--output", str(tmp_path / "other.zip"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["python"], found["dependencies"]) == (OTHER, len(deployed(OTHER)))
    with zipfile.ZipFile(tmp_path / "other.zip") as archive:
        extensions = [name for name in archive.namelist() if name.endswith(".so") and "cpython-" in name]
    assert extensions
    assert all(f"cpython-{OTHER.replace('.', '')}-x86_64-linux" in name for name in extensions)


def test_a_stale_lock_builds_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "unmet", lambda _: ["requests>=99"])
    assert command.main(["--output", "never.zip"]) == 1
    assert capsys.readouterr().err == (
        "requirements.txt does not satisfy requests>=99. Run `python3 cosell.py package --lock`.\n"
    )
