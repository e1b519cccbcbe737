"""What is asked of URLs in more than one place."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_URL = re.compile(r"https?://[^\s\"'<>]+", re.IGNORECASE)


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
    query = "&".join(
        f"{part.split('=', 1)[0]}=***" if "=" in part else "***" for part in parts.query.split("&") if part
    )
    host = parts.netloc.rsplit("@", 1)[-1]
    return parts._replace(netloc=host, query=query, fragment="").geturl()


def redacted_within(text: str) -> str:
    """Return a text with the URLs in it redacted: a service may repeat a URL, key and all, when it refuses it."""
    return _URL.sub(lambda match: redacted(match[0]), text)
