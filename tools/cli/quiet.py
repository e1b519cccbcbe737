"""What libraries say while a command runs."""

from __future__ import annotations

import logging


def quiet() -> None:
    """Let libraries speak of nothing: each failure is told by the command itself, in its own words."""
    for chatty in ("azure", "msal", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
