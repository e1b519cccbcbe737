"""Where the host's lines go. Nothing is installed on import; an entry point calls `log_to`."""

import logging
import re
import sys
from pathlib import Path

logger = logging.getLogger("tools.local.localhost")
_KEY = re.compile(r"(?i)\b(code=)[^&\s\"'<>]+|(x-functions-key['\"]?\s*[:=]\s*['\"]?)[^\s\"',}]+")
NOISY = ("azure", "werkzeug", "urllib3", "msal", "asyncio")


class _Redacted(logging.Formatter):
    """Formats a record and hides function keys: app code that logs `req.url` must not leak them through us."""

    def format(self, record: logging.LogRecord) -> str:
        return _KEY.sub(lambda m: f"{m[1] or m[2]}***", super().format(record))


def log_to(file: Path | None) -> None:
    """Send every log record of this process to `file`, or to standard error."""
    handler = logging.FileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
