"""`cosell.py host`: the function app on this machine."""

import argparse
import contextlib
import os
import shutil
import sys
from pathlib import Path

from tools.cli import local_settings
from tools.local.azurite import Azurite
from tools.local.localhost.host import LocalHost
from tools.local.localhost.logs import log_to

ROOT = Path(__file__).resolve().parents[2]


def main(args: list[str]) -> int:
    """Serve the app until interrupted."""
    options = _parser().parse_args(args)
    if options.func:
        return _core_tools(options.port)
    log_to(None)
    settings = _settings()
    os.chdir(ROOT)  # where Azure's worker stands, too
    with contextlib.ExitStack() as stack:
        if not options.no_azurite and settings.get("AzureWebJobsStorage") in (None, "", "UseDevelopmentStorage=true"):
            storage = stack.enter_context(Azurite())
            settings["AzureWebJobsStorage"] = storage.connection_string
            print(f"Azurite is the storage account:\n  {storage.connection_string}", flush=True)
        _serve(LocalHost(ROOT, settings, port=options.port, auth=not options.no_auth))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cosell.py host", description="Run the function app on this machine.")
    parser.add_argument("--port", type=_port, default=7071, help="default 7071, as Core Tools has it")
    parser.add_argument("--func", action="store_true", help="use Azure Functions Core Tools (`func start`) instead")
    parser.add_argument("--no-azurite", action="store_true", help="do not start Azurite for development storage")
    parser.add_argument("--no-auth", action="store_true", help="do not ask for function keys, as Core Tools does not")
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a port, 1 to 65535, or 0 for a free one")
    return int(text)


def _settings() -> dict[str, str]:
    if not local_settings.FILE.exists():
        sys.exit(f"{local_settings.NONE}.")
    return local_settings.read()


def _serve(host: LocalHost) -> None:
    host.start()
    print(
        "This stands in for Azure Functions Core Tools: the worker library is Azure's own, the host around it is not."
    )
    print(f"Keys are {f'checked; they are in {host.keys_file}' if host.auth else 'not checked'}.")
    for function in host.http_functions:
        print(f"  {function.name}: {', '.join(function.methods) or 'any method'} {host.route_url(function.name)}")
    print("Stop with Ctrl+C.", flush=True)
    host.run_forever()


def _core_tools(port: int) -> int:
    func = shutil.which("func")
    if func is None:
        sys.exit("`func` is not on PATH: install Azure Functions Core Tools v4, or leave --func out.")
    os.chdir(ROOT)
    os.execv(func, [func, "start", "--port", str(port)])  # noqa: S606 (no shell is wanted)
