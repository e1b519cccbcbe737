"""Which commands there are. Standard library only: `cosell.py --help` reads this before any environment exists."""

ADMINISTRATOR = {
    "sign-in": "let the Partner Center service user sign in, and give the app its refresh token",
    "register": "tell Partner Center where to send events, as RegisterWebhook does",
    "lint": "check a mapping file; with --live, against the tables of the CRM itself",
    "provision": "create the columns, keys and permissions that the mapping file needs",
    "settings": "list the app settings, renew what is made from them, or print this machine's for Azure",
    "doctor": "say what is wrong with an installation, and who can put it right",
    "preview": "forecast what a mapping file would do to every live deal, before it is switched on",
    "adopt": "move in: forecast the first run deal by deal, and perform what a person confirms of it",
    "drift": "report what differs between the two sides, and why; --look as both hold it, --shadow in a dry run",
    "export": "take a deal or a person out of the ledger, erase a person, or export an audit that shows changes",
    "status": "show how every deal stands, and what waits for a person",
    "explain": "explain one deal, field by field, and what comes next; with --look as both sides hold it now",
    "retry": "have one deal, or all that are parked, looked at again now",
    "pause": "let nothing travel between the two sides of a deal until it is resumed",
    "resume": "let a deal go on that a person paused",
    "link": "make a referral and a record that exist one deal",
    "create": "make a record of a referral that waits, since it looks like a deal that is there",
    "unlink": "take the two sides of a deal apart; both keep what they hold",
    "share-again": "give the record of a deal that is over a new referral",
    "test-alert": "send the chat a message on trial, or what the daily digest would say now",
    "release": "list held mass changes, let them happen, or forget them",
    "package": "build what is published to Azure, with --verify prove that it runs; --lock renews its dependencies",
}
"""For administrators."""

DEVELOPER = {
    "demo": "run both synchronization scenarios on this machine, against simulated vendors",
    "host": "run the function app on this machine, with local.settings.json",
    "check": "run the quick checks: style, types, import rules and the tests that need no storage",
    "test": "run every test, with Azurite as the storage account",
    "bench": "measure against peers that do the same work, side by side in one run",
}
"""For developers."""

COMMANDS = ADMINISTRATOR | DEVELOPER
"""One line of help for each command; `name` is run by the module `tools.cli.name`, its dashes as underscores."""


def usage() -> str:
    """The text of `cosell.py --help`."""
    width = max(map(len, COMMANDS))

    def group(title: str, commands: dict[str, str]) -> list[str]:
        return [title, *(f"  {name:<{width}}  {text}" for name, text in commands.items()), ""]

    return "\n".join(
        [
            "usage: python3 cosell.py <command> [options]",
            "",
            *group("install and run the app:", ADMINISTRATOR),
            *group("try and change the app:", DEVELOPER),
            "`python3 cosell.py <command> --help` explains a command's options; `--version` tells the release.",
        ]
    )
