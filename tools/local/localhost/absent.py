"""What development brings and the deployed app has not: the storage SDKs load it where it is, which is not so in Azure.

It takes a tenth of a second of each process that is started.
"""

import sys

NAMES = ("aiohttp",)


def hide() -> None:
    """Let this process not find it."""
    for name in NAMES:
        sys.modules[name] = None  # type: ignore[assignment] # so an import of it fails, as the language has it
