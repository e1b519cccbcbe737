"""What is asked of URLs in more than one place."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qs, urlsplit

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>]+", re.IGNORECASE)

_SECRET = re.compile(
    r"([\w.-]{0,40}(?:code|sig|signature|key|token|secret|password|pwd|assertion))"
    r"(\s{0,3}=\s{0,3}|%3d|%253d)(?!\*\*\*)[^&\s\"'<>;,]+",
    re.IGNORECASE,
)
"""A name that means a secret, an equals sign in any spelling, and the value."""

_QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb"


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


def receiver_url_problems(url: object) -> list[str]:
    """Return what keeps a URL from being the receiver's: each problem is a rule and its remedy."""
    if url is not None and not isinstance(url, str):
        return ["must be a text. Paste the WebhookReceiver's function URL."]
    if url is None or not url.strip():
        return ["is missing. Paste the WebhookReceiver's function URL."]
    if url.strip()[0] in _QUOTES:
        return ["must not be in quotation marks. Paste it without them."]
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ["is not a URL. Paste the WebhookReceiver's function URL."]
    problems = _host_problems(parts, host)
    if not url.strip().isprintable() or " " in url.strip():
        problems.insert(0, "must not contain spaces or control characters. Copy it again, in one piece.")
    if not parts.path.rstrip("/").casefold().endswith("/webhookreceiver"):
        problems.append("must be the URL of WebhookReceiver, which ends in /api/WebhookReceiver?code=...")
    return problems + _key_problems(parse_qs(parts.query))


def _host_problems(parts: SplitResult, host: str) -> list[str]:
    problems = []
    if not host.isascii():
        # A letter of another alphabet may look like one of ours. What is meant is written xn--..., and seen to be it.
        problems.append("must have a host name of plain letters. Copy it from the portal.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        problems.append("must begin with https://.")
    if not host or "@" in parts.netloc or parts.fragment:
        problems.append("must be an absolute URL without user name or fragment.")
    return problems


def _key_problems(query: Mapping[str, list[str]]) -> list[str]:
    if not query.get("code"):
        return ["lacks the function key. Copy the URL with its ?code=... part."]
    if "_master" in query.get("clientId", ()):
        return ["holds the master key, which opens every function. Copy the URL with a function key."]
    return []


def status_page(receiver: str | None) -> str:
    """Return the address of the page of deals beside the receiver's, without its key; empty when there is none."""
    parts = urlsplit(receiver or "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/api/StatusPage" if parts.hostname else ""
