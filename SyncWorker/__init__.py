"""Queue: bring one deal into agreement."""

import azure.functions as func

from shared.bootstrap import app
from shared.guard import guarded


def main(message: func.QueueMessage) -> None:
    """Handle one deal message; only a bug of ours leaves this function as an exception."""
    with guarded():
        app().work.run(message.get_body().decode())
