"""Which commands there are. Standard library only: `cosell.py --help` reads this before any environment exists."""

COMMANDS = {
    "demo": "run both synchronization scenarios on this machine, against simulated vendors",
    "test": "run every test, with Azurite as the storage account",
    "check": "run the quick checks: style, types, import rules and the tests that need no storage",
    "sign-in": "let the Partner Center service user sign in, and give the app its refresh token",
    "register": "tell Partner Center where to send events, as RegisterWebhook does",
    "lint": "check a mapping file; with --live, against the tables of the CRM itself",
    "preview": "forecast what a mapping file would do to every live deal, before it is switched on",
    "provision": "create the columns, keys and permissions that the mapping file needs",
    "doctor": "say what is wrong with an installation, and who can put it right",
    "bench": "measure against peers that do the same work, side by side in one run",
    "host": "run the function app on this machine, with local.settings.json",
}
"""One line of help for each command; `name` is run by the module `tools.cli.name`, its dashes as underscores."""


def usage() -> str:
    """The text of `cosell.py --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    options = "`python3 cosell.py <command> --help` explains a command's options."
    return "\n".join(["usage: python3 cosell.py <command> [options]", "", "commands:", *lines, "", options])
