"""The whole system on one machine: the Functions host, Azurite, a browser, and the demo."""


class NotStarted(RuntimeError):
    """A part of the system does not run on this machine; the message says what to do or ends with its log."""
