"""What is asked of URLs in more than one place."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>]+", re.IGNORECASE)

_SECRET = re.compile(
    r"([\w.-]{0,40}(?:code|sig|signature|key|token|secret|password|pwd|assertion))"
    r"(\s{0,3}=\s{0,3}|%3d|%253d)(?!\*\*\*)[^&\s\"'<>;,]+",
    re.IGNORECASE,
)
"""A name that means a secret, an equals sign in any spelling, and the value."""


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine; only then plain http is accepted."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def redacted(url: str) -> str:
    """Return a URL with every query value and user name replaced; what is no URL at all is not shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    if "@" in parts.path and not parts.netloc:
        return "***"  # A user name where a host was meant.
    query = "&".join(
        f"{part.split('=', 1)[0]}=***" if "=" in part else "***" for part in parts.query.split("&") if part
    )
    host = parts.netloc.rsplit("@", 1)[-1]
    return parts._replace(netloc=host, path=_masked(parts.path), query=query, fragment="").geturl()


def redacted_within(text: str) -> str:
    """Return a text with the URLs in it redacted: a service may repeat a URL, key and all, when it refuses it."""
    return _masked(_URL.sub(lambda match: redacted(match[0]), text))


def _masked(text: str) -> str:
    """Return a text in which the value of everything that is called a secret is replaced, wherever it stands."""
    return _SECRET.sub(lambda match: f"{match[1]}{match[2]}***", text)
