"""Mails as a narrow phone and a desk show them: nothing cut, nothing beside the edge."""

import pytest
from playwright.sync_api import Page, Route

from merchant_portal.lib.money import Money
from notifications.services import layouts, placeholders, rendering

from .checks import PageAt, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTHS = (320, 700)
KINDS = sorted(
    folder.name
    for folder in layouts.folder().iterdir()
    if (folder / "en.html").is_file()
)
UNBROKEN = {
    "en": "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewiss",
    "de": "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunter",
    "ar": "أفاستسقيناكموهاوأنلزمكموهاوسنستدرجهموليستخلفنهمفيالأرضكمااستخل",
    "ja": "株式会社東京国際高級洋菓子製造販売研究所付属直営店舗第一営業本部東日本地域統括責任者兼品質管理室長代理補佐心得"
    * 2,
}
# Sixty letters and more in which no line may end by itself.
HUGE = 99_999_999_999_999
_CUT = """() => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const edge = (node) => {
    let [left, right] = [0, document.documentElement.clientWidth];
    for (let box = node.parentElement; box; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== "visible") {
        const at = box.getBoundingClientRect();
        [left, right] = [Math.max(left, at.left), Math.min(right, at.right)];
      }
    return [left, right];
  };
  while (walker.nextNode()) {
    const node = walker.currentNode, text = node.textContent.trim();
    if (!text || !node.parentElement.checkVisibility()) continue;
    const [left, right] = edge(node), range = document.createRange();
    range.selectNodeContents(node);
    for (const at of range.getClientRects())
      if (at.left < left - 1 || at.right > right + 1)
        found.push(`${text.slice(0, 60)}: ${at.left} to ${at.right} in ${left} to ${right}`);
  }
  return found;
}"""
_BROKEN = """() => [...document.querySelectorAll(".label, .sum")].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  const tops = [...range.getClientRects()].map((at) => at.top + at.height / 2);
  return Math.max(...tops) - Math.min(...tops) > 12;
}).map((cell) => cell.textContent)"""
_BUTTONS = """() => [...document.querySelectorAll("td[bgcolor] > a")].map((button) => {
  const {left, right, width, height} = button.getBoundingClientRect();
  return {left, right, width, height};
})"""


def long_values(language: str, *, has_spaces: bool) -> dict[str, str]:
    """What could be in a mail at most, as hostile to a narrow screen as it can be."""
    word = UNBROKEN[language]
    words = " ".join([word[:9], word[9:20], word[20:34]] * 9) if has_spaces else word
    name = words[:120].strip()
    amount = Money(HUGE, "COP").format(language)
    long_day = {
        "en": "September 30, 2030",
        "de": "30. September 2030",
        "ar": "٣٠ سبتمبر ٢٠٣٠",
        "ja": "2030年9月30日",
    }[language]
    return {
        "greeting": rendering.greeting(name, language),
        "customer_name": name,
        "amount": amount,
        "balance": amount,
        "amount_received": amount,
        "amount_refunded": amount,
        "surplus": amount,
        "due_date": long_day,
        "paid_on": long_day,
        "refunded_on": long_day,
        "number": "PL-2030-000123",
        "description": words,
        "note": f"{words}\n{words}",
        "cancel_reason": words,
        "answer": words,
        "question": words,
        "short_code": "7KQF2-M9TXC",
        "verify_url": "https://payments.a-rather-long-name-of-a-shop.example/verify/",
        "subject": words[:120],
        "body": f"{words}\n\nhttps://example.com/{'x' * 80}",
        "business_name": name,
        "sender_name": name,
        "business_address": f"{words}, 12047 Berlin",
        "business_contact": f"{'rechnungen' * 5}@shop.example · +49301234567",
        "business_legal": f"{words} · https://pay.example/legal/terms/",
        "brand_color": "#b3261e",
        "brand_ink": "#ffffff",
        "logo_url": "https://pay.example/brand/logo.png",
    }


def html_of(kind: str, language: str, *, has_spaces: bool) -> str:
    values = long_values(language, has_spaces=has_spaces)
    rendered = rendering.render(kind, "email", language, values)
    url = f"https://payments.a-rather-long-name-of-a-shop.example/p/{'W' * 22}/"
    return placeholders.fill_late(
        rendered.html, dict.fromkeys(placeholders.LATE, url), as_html=True
    )


def no_picture(route: Route) -> None:
    """As most mail programs do until their reader allows it."""
    route.abort()


def troubles(page: Page, width: int) -> list[str]:
    found: list[str] = page.evaluate(_CUT)
    found += [f"broken: {text}" for text in page.evaluate(_BROKEN)]
    content = page.evaluate("document.documentElement.scrollWidth")
    if content > width:
        found.append(f"scrolls sideways: {content} px in {width}")
    for at in page.evaluate(_BUTTONS):
        if at["left"] < 0 or at["right"] > width or at["height"] < 40:
            found.append(f"button is not whole: {at}")
    return found


@pytest.mark.parametrize("language", ["en", "ar", "ja", "de"])
def test_no_mail_is_wider_than_a_narrow_phone(page_at: PageAt, language: str) -> None:
    wrong: list[str] = []
    for width in WIDTHS:
        page = page_at(width)
        page.route("https://**", no_picture)
        for kind in KINDS:
            for has_spaces in (False, True):
                page.set_content(html_of(kind, language, has_spaces=has_spaces))
                name = f"mail-{kind}-{language}-{'words' if has_spaces else 'unbroken'}"
                shoot(page, name)
                wrong += [f"{name}-{width}: {each}" for each in troubles(page, width)]
    assert not wrong, "\n".join(wrong)
