"""A person at the simulated sign-in: a browser that follows redirects to localhost and submits forms by themselves.

`python -m tests.support.sign_in URL` is that browser as a program, as the command under test opens it. What the person
does is in the environment: BROWSER_LOGIN, BROWSER_PRESSES (comma separated).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


@dataclass
class _Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    label: str = ""


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self._button = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(_Form(named["action"]))
        elif tag == "input":
            self.forms[-1].fields[named["name"]] = named.get("value", "")
        self._button = tag == "button"

    def handle_endtag(self, tag: str) -> None:
        self._button = self._button and tag != "button"

    def handle_data(self, data: str) -> None:
        if self._button:
            self.forms[-1].label += data


def forms_of(page: requests.Response) -> list[_Form]:
    parser = _Forms()
    parser.feed(page.text)
    return parser.forms


def press(session: requests.Session, page: requests.Response, label: str, **fields: str) -> requests.Response:
    """Press the button of that name, its form filled in."""
    (form,) = [each for each in forms_of(page) if each.label == label]
    known = {name: value for name, value in fields.items() if name in form.fields}
    address = urljoin(page.url, form.action)
    return session.post(address, data={**form.fields, **known}, timeout=30, allow_redirects=False)


def browse(session: requests.Session, url: str, presses: list[str], **fields: str) -> requests.Response:
    """Open a page and press buttons; returns the app's answer, or the last page when the app was never told."""
    page = session.get(url, timeout=30, allow_redirects=False)
    for label in presses:
        page = press(session, page, label, **fields)
    if page.is_redirect:
        return session.get(page.headers["Location"], timeout=30)
    forms = forms_of(page)
    if len(forms) == 1 and not forms[0].label:  # It submits itself.
        return session.post(forms[0].action, data=forms[0].fields, timeout=30, headers={"Origin": "null"})
    return page


if __name__ == "__main__":
    with requests.Session() as opened:
        pressed = os.environ.get("BROWSER_PRESSES", "Sign in").split(",")
        last = browse(opened, sys.argv[1], pressed, login=os.environ.get("BROWSER_LOGIN", ""))
    sys.stderr.write(f"{last.status_code} {last.text}\n")
