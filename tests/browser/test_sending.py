"""Undo, later and many at once, as people use them."""

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from links.models import BulkSend, BulkState, PaymentLink
from links.services import bulk_work
from links.tests.factories import make_customer, make_link
from merchant_portal.staff.models import User
from notifications.models import Message, MessageState

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
LIST = "/admin/links/paymentlink/"
WIDTHS = pytest.mark.parametrize("width", [390, 1280])


@pytest.fixture(autouse=True)
def _no_second_factor(settings: object) -> None:
    settings.STAFF_MFA_REQUIRED = False  # type: ignore[attr-defined]


@pytest.fixture
def link(owner: User) -> PaymentLink:
    return make_link(make_customer(), actor=owner.actor())


@WIDTHS
def test_a_send_counts_down_and_is_undone(
    page_at: PageAt, owner: User, link: PaymentLink, width: int
) -> None:
    page = page_at(width, owner)
    page.goto(f"{LIST}{link.pk}/change/")
    page.locator("summary", has_text="Send").first.click()
    shoot(page, "send-panel")
    page.locator("form[action$='/send/'] button[type=submit]").click()

    seconds = page.locator("[data-seconds]")
    expect(seconds).to_have_text("10")
    expect(seconds).not_to_have_text("10")
    shoot(page, "undo")
    assert_clean(page)
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text("It was taken back; nothing was sent.")).to_be_visible()
    expect(page.locator("#link-outgoing")).to_be_hidden()
    assert not Message.objects.exists()
    assert_clean(page)


def test_undo_needs_no_script(
    browser: Browser,
    page_at: PageAt,
    live_server: LiveServer,
    owner: User,
    link: PaymentLink,
) -> None:
    plain = browser.new_context(
        java_script_enabled=False,
        base_url=live_server.url,
        storage_state=page_at(1280, owner).context.storage_state(),
    )
    page = plain.new_page()
    page.goto(f"{LIST}{link.pk}/change/?act=send")
    page.locator("form[action$='/send/'] button[type=submit]").click()
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text("It was taken back; nothing was sent.")).to_be_visible()
    assert not Message.objects.exists()
    plain.close()


@WIDTHS
def test_a_later_send_is_shown_and_changed(
    page_at: PageAt, owner: User, link: PaymentLink, width: int
) -> None:
    page = page_at(width, owner)
    page.goto(f"{LIST}{link.pk}/change/?act=send")
    expect(page.locator(".mp-when-at")).to_be_hidden()
    page.get_by_label("Tomorrow at 9:00").check()
    page.locator("form[action$='/send/'] button[type=submit]").click()

    expect(page.locator("#link-outgoing")).to_contain_text("09:00, their time")
    page.get_by_text("Change the time").click()
    shoot(page, "planned")
    assert_clean(page)
    row = link.planned_sends.get()
    page.locator(f"#planned-{row.pk}").fill("2001-01-01T09:00")
    page.get_by_role("button", name="Save the time").click()
    expect(page.get_by_text("This moment has passed.")).to_be_visible()
    page.get_by_role("button", name="Do not send").click()
    expect(page.get_by_text("It was taken back; nothing was sent.")).to_be_visible()
    assert_clean(page)


@WIDTHS
def test_ticked_links_are_sent_watched_and_sent_again(
    page_at: PageAt, owner: User, width: int
) -> None:
    for number in range(3):
        customer = make_customer(f"Ada {number}", f"ada{number}@example.com")
        make_link(customer, actor=owner.actor())
    make_link(None, actor=owner.actor())
    page = page_at(width, owner)
    page.goto(LIST)
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option("send_to_many")
    shoot(page, "many-ticked")
    page.get_by_role("button", name="Run").click()

    expect(page.get_by_role("heading", name="This is what will happen")).to_be_visible()
    expect(page.get_by_text("no address to send it to")).to_be_visible()
    shoot(page, "many-before")
    assert_clean(page)
    assert not Message.objects.exists()
    page.get_by_role("button", name="Send 3 links").click()

    expect(page.get_by_text("0 of 4 are through")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    job = BulkSend.objects.get()
    assert job.state == BulkState.RUNNING
    while bulk_work.step(job.pk):
        pass
    first, *others = Message.objects.order_by("id")
    Message.objects.filter(pk=first.pk).update(
        state=MessageState.FAILED, last_error="550 no such user"
    )
    Message.objects.filter(pk__in=[m.pk for m in others]).update(
        state=MessageState.SENT
    )
    # the page sees by itself that it is over
    expect(page.get_by_text("4 of 4 are through")).to_be_visible()
    page.get_by_role("link", name="1 Failed").click()
    expect(page.get_by_text("550 no such user")).to_be_visible()
    shoot(page, "many-results")
    assert_clean(page)
    page.get_by_role("button", name="Send again to those that failed").click()
    expect(page.get_by_role("button", name="Send 1 link")).to_be_visible()
    assert_clean(page)


@WIDTHS
def test_a_link_is_recalled(
    page_at: PageAt, owner: User, link: PaymentLink, width: int
) -> None:
    PaymentLink.objects.update(last_sent_at=link.created_at)
    page = page_at(width, owner)
    page.goto(f"{LIST}{link.pk}/change/?act=recall")
    shoot(page, "recall")
    assert_clean(page)
    page.get_by_role("button", name="Recall the link").click()

    expect(page.get_by_text("reads that it was withdrawn")).to_be_visible()
    assert_clean(page)
