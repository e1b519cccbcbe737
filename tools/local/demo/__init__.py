"""The demonstration: both scenarios end to end, on the real app, with simulated vendors."""

from __future__ import annotations

import argparse
from pathlib import Path

import requests
from rich.console import Console

from shared.errors import SettingsError
from tools.admin.files import check_writable
from tools.local.demo.run import perform
from tools.local.demo.steps import steps
from tools.local.stack import Stack
from tools.simulators.sellers import SELLERS

EVERY_TWO_SECONDS = "*/2 * * * * *"

UNDO_WINDOW = {"CLOSE_DELAY_MINUTES": "0.15"}
"""Nine seconds: long enough for the seller's change of mind to be polled, and short to watch."""

CHOICES = {name: (name,) for name in SELLERS} | ({"both": tuple(SELLERS)} if len(SELLERS) > 1 else {})
"""What may be said for --crm, and the CRMs that it names."""


def main(args: list[str]) -> int:
    """Run every step; returns 0 when all of them succeeded."""
    parser = _parser()
    options = parser.parse_args(args)
    if options.log:
        try:
            check_writable(options.log)
        except SettingsError as error:
            parser.error(f"--log: {error}")
    console = Console(width=None if Console().is_terminal else 120)
    console.print("[bold]Co-sell synchronization, end to end on this machine[/bold]\nStarting:")
    stack = Stack(
        crms=CHOICES[options.crm],
        poll_schedule=EVERY_TWO_SECONDS,
        settings=UNDO_WINDOW,
        log=options.log,
        tell=lambda text: console.print(f"  {text}"),
    )
    with stack:
        failed = perform(stack, steps(stack), console)
        _show_status(stack, console, deals=options.keep)
        if options.keep:
            _wait(stack, console)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cosell.py demo", description="Run both scenarios end to end.")
    parser.add_argument("--crm", choices=CHOICES, default=next(iter(CHOICES)), help="which CRM (default %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave everything running and print the URLs")
    parser.add_argument("--log", type=Path, help="write the app's log to this file")
    return parser


def _show_status(stack: Stack, console: Console, *, deals: bool) -> None:
    """Print where a person looks at all of this, and while the app keeps running each deal's own page."""
    url = stack.url_of("StatusPage")
    stands = requests.get(url, params={"format": "json", "standing": "all"}, timeout=30).json()
    counts = "; ".join(f"{crm}: {row['linked']} linked, {row['parked']} parked" for crm, row in stands["crms"].items())
    console.print(f"\nStatus page ({counts}): {url}", soft_wrap=True)
    if not deals:
        console.print("  It ends with the demo; `--keep` leaves it running.")
        return
    for row in stands["attention"]:
        status = row["status"]["text"] or row["status"]["kind"]
        console.print(f"  {url}&deal={row['referral_id']}&crm={row['crm']}   {status}", soft_wrap=True, markup=False)


def _wait(stack: Stack, console: Console) -> None:
    control = stack.vendors.servers["control"].url
    console.print("\nEverything is still running; Ctrl+C ends it.")
    console.print(f"  registration page {stack.url_of('RegisterWebhook')}", soft_wrap=True, markup=False)
    console.print(f"    paste into it   {stack.url_of('WebhookReceiver')}", soft_wrap=True, markup=False)
    console.print(f"  Partner Center    {stack.vendors.servers['referrals'].url}")
    for seller in stack.sellers.values():
        console.print(f"  {seller.title:<16}  {seller.server.url}")
    console.print(f"  act as a person   {control}   (any unknown path lists the routes)")
    console.print(f"  app log           {stack.host.log}")
    stack.host.wait()
