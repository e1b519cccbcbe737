"""What is asked of URLs in more than one place."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qs, urlsplit

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


def receiver_url_problems(url: object) -> list[str]:
    """Return what keeps a URL from being the receiver's: each problem is a rule and its remedy."""
    if not isinstance(url, str) or not url.strip():
        return ["is missing. Paste the WebhookReceiver's function URL."]
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ["is not a URL. Paste the WebhookReceiver's function URL."]
    problems = []
    if not url.strip().isprintable() or " " in url.strip():
        problems.append("must not hold blanks or control characters. Copy it again, in one piece.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        problems.append("must begin with https://.")
    if not host or "@" in parts.netloc or parts.fragment:
        problems.append("must be an absolute URL without user name or fragment.")
    if not parts.path.rstrip("/").casefold().endswith("/webhookreceiver"):
        problems.append("must be the URL of WebhookReceiver, which ends in /api/WebhookReceiver?code=...")
    if not parse_qs(parts.query).get("code"):
        problems.append("lacks the function key. Copy the URL with its ?code=... part.")
    return problems
