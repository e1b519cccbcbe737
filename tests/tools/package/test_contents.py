"""What .funcignore lets through, as `func` and as `azd` read it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.admin.package.contents import published
from tools.admin.package.lock import ROOT

NEVER = re.split(
    r"\s+",
    """.azure/dev/.env .env .env.local .git/config .venv/lib/x.py venv/x.py .vscode/settings.json build.json
certificate.pem CHANGELOG.md constraints.txt cosell.py docs/SYNC.md function_app.py infra/main.bicep key.pem
local.settings.json local.settings.sample.json forecast.csv pyproject.toml README.md requirements.in secrets.json
shared.env shared.py sharedness/x.py tests/unit/test_x.py tools/cli/x.py node_modules/a/index.js dist/cosell.zip
mapping.yaml azure.yaml""",
)
ALWAYS = re.split(
    r"\s+",
    """host.json requirements.txt mapping/salesforce.yaml shared/errors.py shared/mapping/dynamics365.yaml
shared/partner_center/trust_bundle.pem WebhookReceiver/function.json WebhookReceiver/__init__.py""",
)
FUNC_LETS_IN = ["shared/__pycache__/errors.pyc", "shared/mapping/.env", "shared/notes.md", "host.json.bak"]
"""`func` cannot leave out what is inside a folder, or begins with a name, that it lets in; `azd` and `package` can."""
KINDS = {".py", ".json", ".toml", ".yaml", ".html", ".css", ".pem", ".txt", ".svg"}


def as_func(root: Path) -> Iterator[str]:
    """Core Tools' reading: one expression from the start of the path, and an exception wins wherever it stands."""
    lines = [line.strip() for line in (root / ".funcignore").read_text().splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    let_in = _expression(line[1:] for line in patterns if line.startswith("!"))
    left_out = _expression(line for line in patterns if not line.startswith("!"))
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and (let_in.match(name) or not left_out.match(name)):
            yield name


def _expression(patterns: Iterator[str]) -> re.Pattern[str]:
    escaped = (re.escape(pattern.removeprefix("/")) for pattern in patterns)
    translated = (each.replace(r"\*\*", "(.+)").replace(r"\*", "([^/]+)") for each in escaped)
    return re.compile(rf"(({')|('.join(translated)}))\b")


def as_git(root: Path) -> set[str]:
    """Git's own reading."""
    names = "\n".join(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    git = ["git", "-c", f"core.excludesFile={root / '.funcignore'}", "check-ignore", "--no-index", "--stdin"]
    answer = subprocess.run(git, cwd=root, input=names, capture_output=True, text=True, check=False)
    return set(names.splitlines()) - set(answer.stdout.splitlines()) - {".funcignore"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in [*NEVER, *ALWAYS, *FUNC_LETS_IN]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / ".funcignore").write_bytes((ROOT / ".funcignore").read_bytes())
    return tmp_path


def test_func_publishes_the_app_and_nothing_else(tree: Path) -> None:
    assert set(as_func(tree)) == {*ALWAYS, *FUNC_LETS_IN}


def test_azd_publishes_the_app_and_nothing_else(tree: Path) -> None:
    assert as_git(tree) == set(ALWAYS)


def test_the_package_is_what_azd_publishes(tree: Path) -> None:
    assert published(tree) == sorted(ALWAYS)


def test_every_function_and_only_files_of_known_kinds_are_published() -> None:
    found = published(ROOT)
    functions = {path.parent.name for path in ROOT.glob("*/function.json")}
    assert functions <= {name.split("/")[0] for name in found}
    assert {Path(name).suffix for name in found} <= KINDS
    assert {name.split("/")[0] for name in found} <= functions | {"shared", "mapping", "host.json", "requirements.txt"}


def test_git_takes_no_keys(tmp_path: Path) -> None:
    """What a person may lay into the checkout is not committed; the shipped roots are."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    secret = ["key.pem", "a/b.key", "x.pfx", ".env", ".env.prod", ".azure/dev/.env", "local.settings.json", "deals.csv"]
    kept = ["shared/partner_center/trust_bundle.pem", "local.settings.sample.json", "shared/errors.py"]
    names = "\n".join([*secret, *kept])
    git = ["git", "check-ignore", "--no-index", "--stdin"]
    answer = subprocess.run(git, cwd=tmp_path, input=names, capture_output=True, text=True, check=False)
    assert answer.stdout.splitlines() == secret
