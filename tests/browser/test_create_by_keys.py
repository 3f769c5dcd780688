"""From nothing to a link that was sent with the keyboard alone, every press counted."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from customers.models import Customer
from links.models import PaymentLink
from links.tests.factories import make_customer, send_at_once
from merchant_portal.staff.models import User
from notifications.models import Message

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
ADD = "/admin/links/paymentlink/add/"
MOST_PRESSES = 12
# from the front page to a known customer, besides the text typed
PASTED = "Item\tQty\tPrice\nWorkshop\t2\t1.234,50 €\nRoom\t1\t80\n"


def start(page: Page) -> "Keys":
    page.goto(ADD)
    expect(page.get_by_label("Name, e-mail or phone")).to_be_focused()
    return Keys(page)


class Keys:
    """A keyboard that counts: each key of a chord is one press, text is none."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses = 0

    def press(self, *chords: str) -> None:
        for chord in chords:
            self.presses += len(chord.split("+"))
            self.page.keyboard.press(chord)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def ada(transactional_db: None) -> Customer:
    send_at_once()
    make_customer("Ada Byron", "byron@example.com", "")
    return make_customer()


def test_a_link_to_a_known_customer(
    page_at: PageAt, owner: User, ada: Customer
) -> None:
    page = page_at(1280, owner)
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    keys = Keys(page)

    keys.press("Control+K")
    expect(page.get_by_label("Type to search")).to_be_focused()
    keys.type("new")
    first = page.locator("#command-results li.active")
    expect(first).to_contain_text("New payment link")
    expect(page.locator("#command-results li")).to_have_count(2)
    keys.press("Enter")
    expect(page.get_by_label("Name, e-mail or phone")).to_be_focused()
    keys.type("love")
    expect(page.get_by_role("option", name="Ada Lovelace")).to_be_visible()
    keys.press("Enter")
    keys.type("Birthday cake")
    keys.press("Tab", "Tab")
    keys.type("42.50")
    expect(page.locator("#total")).to_have_text("$42.50")
    shoot(page, "create-by-keys")
    keys.press("Control+Enter")
    expect(page.get_by_text("The link is on its way.")).to_be_visible()

    link = PaymentLink.objects.get()
    assert (link.customer, link.amount_minor) == (ada, 4250)
    assert Message.objects.get().reference == link.public_id
    assert keys.presses <= MOST_PRESSES, keys.presses


def test_a_link_to_somebody_new(page_at: PageAt, owner: User, ada: Customer) -> None:
    page = page_at(1280, owner)
    keys = start(page)

    keys.type("Grace Hopper")
    new = page.get_by_role("option", name="Add as a new customer: Grace Hopper")
    expect(new).to_be_visible()
    keys.press("ArrowDown", "Enter")
    keys.type("grace@navy.example")
    expect(page.get_by_label("E-mail", exact=True)).to_have_value("grace@navy.example")
    keys.press("Tab", "Tab", "Tab")
    keys.type("Compiler")
    keys.press("Tab", "Tab")
    keys.type("100")
    keys.press("Control+Enter")
    expect(page.get_by_text("The link is on its way.")).to_be_visible()

    assert PaymentLink.objects.get().customer.name == "Grace Hopper"  # type: ignore[union-attr]
    assert Message.objects.count() == 1


def test_the_enter_key_alone_never_sends(
    page_at: PageAt, owner: User, ada: Customer
) -> None:
    page = page_at(1280, owner)
    page.goto(f"{ADD}?customer={ada.public_id}")
    expect(page.get_by_label("Description")).to_be_focused()
    keys = Keys(page)

    keys.type("Cake")
    keys.press("Tab", "Tab")
    keys.type("5")
    keys.press("Enter")

    expect(page.get_by_role("heading", name="What the customer gets")).to_be_visible()
    assert not PaymentLink.objects.exists()


@pytest.mark.parametrize("width", [390, 1280])
def test_rows_of_a_spreadsheet_become_lines(
    page_at: PageAt, owner: User, ada: Customer, width: int
) -> None:
    page = page_at(width, owner)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{ADD}?customer={ada.public_id}")
    page.evaluate("text => navigator.clipboard.writeText(text)", PASTED)

    page.get_by_label("Description").focus()
    page.keyboard.press("Control+V")

    expect(page.locator("#lines-status")).to_have_text("2 lines were pasted.")
    expect(page.locator("#total")).to_have_text("$2,549.00")
    expect(page.get_by_label("Price each").nth(0)).to_have_value("1234.50")
    expect(page.get_by_label("Price each").nth(1)).to_be_focused()
    shoot(page, "create-pasted")
    assert_clean(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("The link is on its way.")).to_be_visible()
    lines = PaymentLink.objects.get().lines.values_list("description", "quantity_milli")
    assert list(lines) == [("Workshop", 2000), ("Room", 1000)]
