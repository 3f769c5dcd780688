"""What every page must pass in a browser: policy, errors, accessibility, width."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from weakref import WeakKeyDictionary

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Response

from merchant_portal.staff.models import User

SHOTS = os.environ.get("SHOTS", "")
# A folder for screenshots to look at; unset: none are made.

_REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  window.reportViolation(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`));
"""
_troubles: WeakKeyDictionary[Page, list[str]] = WeakKeyDictionary()


class PageAt(Protocol):
    def __call__(self, width: int, user: User | None = None) -> Page: ...


def watch(page: Page) -> None:
    """Collect from now on what goes wrong on the page, over all its navigations."""
    troubles = _troubles[page] = []
    documents: set[str] = set()
    # Chromium reports the status of the page itself too; that one is meant.

    def on_response(response: Response) -> None:
        if response.request.is_navigation_request():
            documents.add(response.url)

    def on_console(message: ConsoleMessage) -> None:
        is_status = message.text.startswith("Failed to load resource")
        if is_status and message.location["url"] in documents:
            return
        if message.type == "error":
            troubles.append(f"console: {message.text} ({message.location['url']})")

    page.on("response", on_response)
    page.on("console", on_console)
    page.on("pageerror", lambda error: troubles.append(f"script: {error}"))
    page.expose_function(
        "reportViolation", lambda text: troubles.append(f"CSP: {text}")
    )
    page.add_init_script(_REPORT_VIOLATIONS)


_WORDS_FOR_ICONS = """() => [...document.querySelectorAll('.material-symbols-outlined')]
    .filter(one => {
        const text = document.createRange();
        text.selectNodeContents(one);
        const size = parseFloat(getComputedStyle(one).fontSize);
        return text.getBoundingClientRect().width > 1.7 * size;
    }).map(one => one.textContent.trim())"""
# our font holds the icons that are used; another one stands there as its name


def assert_clean(page: Page) -> None:
    """No CSP violation, script error, axe violation, icon shown as a word or sideways
    scrolling so far."""
    page.wait_for_load_state("networkidle")
    troubles = list(_troubles[page])
    content, window = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    if content > window:
        troubles.append(f"scrolls sideways: {content} px in {window}")
    troubles += [f"no icon: {name}" for name in page.evaluate(_WORDS_FOR_ICONS)]
    for found in Axe().run(page).response["violations"]:
        places = " | ".join(node["html"] for node in found["nodes"])
        troubles.append(f"axe {found['id']}: {found['help']}: {places}")
    assert not troubles, "\n".join([page.url, *troubles])


_WIDE = """width => [...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > width
        || one.getBoundingClientRect().left < 0)
    .slice(-4).map(one => one.outerHTML.slice(0, 200)).join(' | ')"""
# what reaches over the edge, the innermost last


def assert_clean_at_every_size(page: Page, widths: Sequence[int] = (1280, 390)) -> None:
    """As `assert_clean`, on a phone and a desk; and nothing scrolls sideways on the
    narrowest screen of WCAG 2.2 (1.4.10), nor where letters are twice as large (1.4.4).
    """
    page.wait_for_load_state("networkidle")
    before = page.viewport_size
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        assert_clean(page)
    for width, letters in ((320, "100%"), (390, "200%"), (640, "200%")):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(
            "size => { document.documentElement.style.fontSize = size }", letters
        )
        content = page.evaluate("document.documentElement.scrollWidth")
        wide = "" if content <= width else page.evaluate(_WIDE, width)
        assert content <= width, f"{content} px in {width}, {letters}: {wide}"
    page.evaluate("() => { document.documentElement.style.fontSize = '' }")
    if before:
        page.set_viewport_size(before)


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot as `<name>-<width>.png` in the folder SHOTS, if that is set."""
    if SHOTS and page.viewport_size:
        width = page.viewport_size["width"]
        page.screenshot(path=Path(SHOTS) / f"{name}-{width}.png", full_page=True)
