"""The mailbox in a real browser: read, click, and nothing a mail says runs."""

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from merchant_portal.staff.models import User
from notifications import kinds
from notifications.models import Message
from notifications.services import delivery, unsubscribing
from notifications.tests.factories import Shop, message

from .checks import PageAt, assert_clean, shoot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def shop(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Shop:
    settings.STAFF_MFA_REQUIRED = False
    shop = Shop()
    shop.values["note"] = "<script>document.title = 'gotcha'</script> See you soon!"
    monkeypatch.setattr(kinds, "_KINDS", shop.all_kinds())
    return shop


def send(*rows: Message) -> None:
    delivery.deliver(delivery.claim(10))
    for row in rows:
        row.refresh_from_db()
        assert row.state == "captured"


@pytest.mark.parametrize("width", [390, 1280])
def test_list_and_mail_and_sms(page_at: PageAt, owner: User, width: int) -> None:
    mail, sms = message(1), message(2, channel="sms")
    send(mail, sms)
    page = page_at(width, owner)

    page.goto("/admin/notifications/message/")
    assert_clean(page)
    shoot(page, "mailbox-list")

    page.goto(f"/admin/notifications/message/{mail.pk}/change/")
    frame = page.frame_locator("iframe.mailbox-mail")
    expect(frame.get_by_text("Hello Ada,")).to_be_visible()
    expect(frame.get_by_text("See you soon!")).to_be_visible()
    assert "Your payment of €12.50 to My shop" in page.title()
    assert_clean(page)
    shoot(page, "mailbox-mail")

    page.goto(f"/admin/notifications/message/{sms.pk}/change/")
    expect(page.get_by_text("1 SMS part, GSM-7")).to_be_visible()
    assert_clean(page)
    shoot(page, "mailbox-sms")


def test_pay_button_opens_the_link_in_a_new_tab(
    page_at: PageAt, owner: User, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = message(1)
    send(mail)
    page = page_at(1280, owner)
    page.goto(f"/admin/notifications/message/{mail.pk}/change/")
    target = page.url.partition("/admin/")[0] + "/healthz"
    object.__setattr__(
        kinds.get("invitation"),
        "link_urls",
        lambda messages: {m.pk: target for m in messages},
    )
    page.reload()

    button = page.frame_locator("iframe.mailbox-mail").get_by_role(
        "link", name="Pay €12.50"
    )
    with page.context.expect_page() as opened:
        button.click()

    opened.value.wait_for_load_state()
    assert opened.value.url == target
    assert "ok" in opened.value.content()


@pytest.mark.parametrize("width", [390, 1280])
def test_unsubscribe_page(
    page_at: PageAt, settings: Settings, owner: User, width: int
) -> None:
    row = message(1, kind="reminder")
    path = unsubscribing.url_of(row).removeprefix(settings.PUBLIC_URL)
    page = page_at(width)

    page.goto(path)
    assert_clean(page)
    shoot(page, "unsubscribe")
    page.get_by_role("button", name="Stop reminders").click()

    expect(page.get_by_role("heading")).to_have_text("You will get no more reminders")
    assert_clean(page)
