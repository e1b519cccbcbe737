"""A development host for the function app.

Azure's own worker library (`azure-functions-runtime-v1`) does what touches the app: loading, binding checks,
conversion, threads. The host around it stands in for Azure Functions Core Tools: HTTP, timers, storage queues, keys.
"""

from tools.local.localhost.host import LocalHost
from tools.local.localhost.keys import Keys

__all__ = ["Keys", "LocalHost"]
