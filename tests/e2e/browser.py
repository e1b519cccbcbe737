"""A real Chromium for the tests, and what it can tell of a page's accessibility."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tools.local import chromium

CONTRAST = 4.5
"""The least contrast of text to its ground (WCAG 2.2, 1.4.3)."""


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Run Chromium without a window and with a fresh profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium.find()), args=list(chromium.ARGUMENTS))
        yield browser
        browser.close()


class Watched:
    """A page, with the hosts that it asked and the complaints that the browser had about it."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))


def barriers(page: Page) -> list[str]:
    """Return what would stop somebody, by our own rules and by axe-core's (WCAG 2.2 AA and best practice)."""
    found: list[str] = page.evaluate(_BARRIERS, CONTRAST)
    page.evaluate(_axe())
    broken: list[str] = page.evaluate(_VIOLATIONS)
    return found + broken


@cache
def _axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


_VIOLATIONS = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.flatMap((rule) => rule.nodes.map((each) => `axe ${rule.id}: ${each.target.join(' ')}`));
}"""


def focus_order(page: Page) -> list[dict[str, Any]]:
    """Press Tab through the page once; returns each stop with its place in the document and whether it shows."""
    stops: list[dict[str, Any]] = []
    page.evaluate("document.activeElement.blur(); window.getSelection().removeAllRanges()")
    page.evaluate("document.body.setAttribute('tabindex', '-1'); document.body.focus()")
    while len(stops) < 100:
        page.keyboard.press("Tab")
        stop = page.evaluate(_STOP)
        if stop is None:
            break
        stops.append(stop)
    return stops


_STOP = """() => {
  const at = document.activeElement;
  if (!at || at === document.body || at === document.documentElement) return null;
  const style = getComputedStyle(at);
  const place = [...document.querySelectorAll('*')].indexOf(at);
  const outlined = style.outlineStyle !== 'none' && style.outlineWidth !== '0px';
  return { place, id: at.id, tag: at.localName, outlined };
}"""

_BARRIERS = """(least) => {
  const found = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  if (!document.documentElement.lang) found.push('no language');
  if (all('h1').length !== 1) found.push(`${all('h1').length} headings of the first level`);
  if (!all('main').length) found.push('no main landmark');
  if (!document.title) found.push('no title');
  let level = 0;
  for (const heading of all('h1,h2,h3,h4,h5,h6')) {
    const own = Number(heading.localName[1]);
    if (own > level + 1) found.push(`heading skips a level: ${heading.textContent}`);
    level = own;
  }
  for (const field of all('input:not([type=hidden]),select,textarea'))
    if (!field.labels.length) found.push(`no label: ${field.name}`);
  for (const each of all('a,button'))
    if (!each.textContent.trim()) found.push(`no name: ${each.outerHTML}`);
  for (const each of all('fieldset'))
    if (!each.querySelector(':scope > legend')) found.push('a fieldset without a legend');
  for (const each of all('[aria-describedby],[aria-labelledby]'))
    for (const name of ['aria-describedby', 'aria-labelledby'])
      for (const id of (each.getAttribute(name) || '').split(' ').filter(Boolean))
        if (!document.getElementById(id)) found.push(`${name} names ${id}, which is not there`);
  for (const each of all('a[href^="#"]'))
    if (!document.getElementById(each.getAttribute('href').slice(1))) found.push(`a link to nowhere: ${each.href}`);
  const ids = all('[id]').map((each) => each.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push(`two of ${id}`);
  for (const each of all('table'))
    if (!each.caption || each.querySelector('th:not([scope])')) found.push('a table without caption or scopes');
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push(`scrolls sideways by ${wide} px`);
  const numbers = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color)
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      const [, , , alpha] = numbers(color);
      if (alpha === undefined || alpha > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  for (const each of all('body *')) {
    if (![...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    const [a, b] = [light(getComputedStyle(each).color), light(ground(each))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < least) found.push(`contrast ${contrast.toFixed(2)}: ${each.textContent.trim().slice(0, 40)}`);
  }
  return found;
}"""
