"""What every page has in common: the request as it is looked at, the answer, its headers, and the templates.

A page is complete without a script and fetches nothing; its policy says so to the browser.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent

_PRIVATE = {
    # The function key is in the page's address: it must not travel on as a referrer, or stay in a cache.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Visit:
    """An HTTP request; header names are looked up in lower case. `url` and `params` hold the function key."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    body: bytes = b""

    @property
    def host(self) -> str:
        """Where the visitor believes to be: host, with the port where it is not the usual one."""
        return _netloc(self.url) or ""

    @property
    def is_form(self) -> bool:
        """Whether the body is what a page's form sends; curl calls JSON so, too, by default."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().casefold()
        return kind == "application/x-www-form-urlencoded" and not self.body.lstrip().startswith(b"{")

    @property
    def wants_data(self) -> bool:
        """Whether JSON is asked for instead of a page."""
        if self.params.get("format") == "json":
            return True
        accepted = self.headers.get("accept", "")
        return "application/json" in accepted and "text/html" not in accepted

    @property
    def crosses_sites(self) -> bool:
        """Whether a browser sends this on behalf of another site's page.

        `Sec-Fetch-Site` cannot be forged by a page; browsers that lack it send `Origin` with every POST. What sends
        neither is no browser, and needs the function key like everybody.
        """
        site = self.headers.get("sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        origin = self.headers.get("origin")
        return origin is not None and (_netloc(origin) or "").casefold() != self.host.casefold()


def _netloc(url: str) -> str | None:
    """Return a URL's host and port; None of what is no URL."""
    try:
        return urlsplit(url).netloc.rsplit("@", 1)[-1]
    except ValueError:
        return None


@dataclass(frozen=True)
class Reply:
    """An HTTP response, with the headers that keep it private."""

    status: int
    kind: str
    body: str
    headers: Mapping[str, str]


def data(status: int, content: Mapping[str, object]) -> Reply:
    """Return JSON."""
    return Reply(status, "application/json", json.dumps(content), _PRIVATE)


def page(status: int, template: str, view: Mapping[str, object]) -> Reply:
    """Return a page: the template, by its path below shared/, filled in; values are escaped."""
    body = _templates().get_template(template).render(view)
    # JSON may carry halves of UTF-16 pairs, which no answer can.
    whole = body.encode("utf-8", "replace").decode()
    return Reply(status, "text/html", whole, {**_PRIVATE, "Content-Security-Policy": _policy()})


@functools.lru_cache(maxsize=1)
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    templates = Environment(
        loader=FileSystemLoader(_FOLDER.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["style"] = Markup(_style())  # noqa: S704 - our own file, no value of anybody's
    return templates


@functools.lru_cache(maxsize=1)
def _style() -> str:
    return (_FOLDER / "style.css").read_text(encoding="utf-8")


@functools.lru_cache(maxsize=1)
def _policy() -> str:
    """Return the content security policy: nothing but this page, its own style, and forms to where it came from."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{digest}'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
    )
