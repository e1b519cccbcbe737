"""The worker for an app that must stand alone: `python -I -S isolated.py FOLDER... -- <options of the worker>`.

`-I -S` leaves the standard library alone on the path; the given folders of packages are added, and nothing else. The
worker is loaded from this repository, which is then forgotten: an app that needs anything of it fails, as in Azure.
"""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[3])


def main(arguments: list[str]) -> int:
    """Run the worker in this process."""
    divider = arguments.index("--")
    sys.path += [*arguments[:divider], ROOT]
    from tools.local.localhost.worker import main as serve

    sys.path.remove(ROOT)
    for name in [name for name in sys.modules if name.split(".")[0] == "tools"]:
        del sys.modules[name]
    return serve(arguments[divider + 1 :])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
