"""The pages of links as people use them: by mouse, by keyboard, on a phone."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import Customer
from links.models import LinkStatus, PaymentLink
from links.services import links, manual, payments, reminders, sending
from links.services.amounts import LineData
from links.services.links import LinkData
from links.tests.factories import make_customer, make_seen
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from notifications.models import Message

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser
ADD = "/admin/links/paymentlink/add/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: object) -> None:
    settings.STAFF_MFA_REQUIRED = False  # type: ignore[attr-defined]


@pytest.fixture
def ada(transactional_db: None) -> Customer:
    return make_customer()


def make(
    customer: Customer | None, owner: User, text: str, minor: int, **more: object
) -> PaymentLink:
    data = LinkData(
        customer=customer,
        currency="EUR",
        lines=(LineData(text, minor),),
        **more,  # type: ignore[arg-type]
    )
    return links.create(data, actor=owner.actor())


def make_shop(owner: User, ada: Customer) -> PaymentLink:
    """A few links in every state; returns one that was sent and half paid."""
    today = clock.now().date()
    actor = owner.actor()
    late = make(ada, owner, "Workshop in May", 48_000, due_on=today - timedelta(days=4))
    sending.send(late, ["email"], actor=actor)
    paid = make(
        make_customer("Zoë Ångström", "zoe@example.com", ""), owner, "Flowers", 3_450
    )
    payments.record(make_seen(paid, amount_minor=3_450))
    canceled = make(
        make_customer("محمد العلي", "m@example.com", ""), owner, "Tickets", 9_900
    )
    links.cancel(canceled, actor=actor, reason="The concert was moved")
    make(None, owner, "Donation", 2_000, draft=True)
    half = make(
        ada,
        owner,
        "Wedding cake, three tiers",
        125_000,
        due_on=today + timedelta(days=9),
        note="Thank you for choosing us!",
    )
    sending.send(half, ["email", "sms"], actor=actor)
    manual.record_payment(
        half, amount_minor=50_000, method="transfer", actor=actor, note="Deposit"
    )
    return half


@pytest.mark.parametrize("width", [390, 1280])
def test_list_and_page_are_clean(
    page_at: PageAt, owner: User, ada: Customer, width: int
) -> None:
    half = make_shop(owner, ada)
    page = page_at(width, owner)

    page.goto("/admin/links/paymentlink/")
    expect(page.get_by_text("Zoë Ångström")).to_be_visible()
    shoot(page, "list")
    assert_clean(page)
    page.goto(f"/admin/links/paymentlink/{half.pk}/change/")
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    shoot(page, "page")
    page.get_by_text("Record a payment").click()
    expect(page.get_by_label("Amount")).to_have_value("750.00")
    shoot(page, "page-record")
    assert_clean(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_create_preview_and_send_by_keyboard(
    page_at: PageAt, owner: User, ada: Customer, width: int
) -> None:
    page = page_at(width, owner)
    page.goto(ADD)
    shoot(page, "create-empty")

    page.get_by_role("combobox", name="Name, e-mail or phone").press_sequentially(
        "love"
    )
    option = page.get_by_role("option", name="Ada Lovelace")
    expect(option).to_be_visible()
    shoot(page, "create-combo")
    page.keyboard.press("Enter")
    expect(page.locator("#customer-id")).to_have_value(ada.public_id)
    page.get_by_label("Description").fill("Birthday cake")
    page.get_by_label("Price each").fill("42.50")
    page.get_by_label("Tax %").fill("7")
    page.get_by_role("button", name="Add a line").click()
    page.get_by_label("Description").nth(1).fill("Delivery")
    page.get_by_label("Quantity").nth(1).fill("2")
    page.get_by_label("Price each").nth(1).fill("4.99")
    expect(page.locator("#total")).to_have_text("$55.46")
    page.get_by_label("SMS").check()
    page.get_by_label("WhatsApp").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What the customer gets")).to_be_visible()
    frame = page.frame_locator("iframe[name=mail-frame]")
    expect(frame.locator("body")).to_contain_text("$55.46")
    for bubble in page.locator(".mp-bubble").all():
        expect(bubble).to_contain_text("/p/")
    shoot(page, "create-preview")
    assert_clean(page)
    assert not Message.objects.exists()

    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("Until then you can take it back.")).to_be_visible()
    link = PaymentLink.objects.get()
    assert link.customer == ada
    assert link.amount_minor == 5546
    channels = sorted(link.planned_sends.get().channels)
    assert channels == ["email", "sms", "whatsapp"]
    assert not Message.objects.exists()
    shoot(page, "created")
    assert_clean(page)


def test_new_customer_without_leaving_the_page(page_at: PageAt, owner: User) -> None:
    page = page_at(1280, owner)
    page.goto(ADD)

    page.get_by_role("combobox", name="Name, e-mail or phone").press_sequentially(
        "Grace"
    )
    page.get_by_role("option", name="Add as a new customer: Grace").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Grace")
    page.get_by_label("E-mail", exact=True).fill("grace@navy.example")
    shoot(page, "create-new-customer")
    page.get_by_label("Description").fill("Compiler")
    page.get_by_label("Price each").fill("1e5")
    page.get_by_role("button", name="Only make the link").click()
    expect(page.get_by_text("Nothing was saved or sent yet")).to_be_visible()
    expect(page.get_by_label("Price each")).to_have_value("1e5")
    shoot(page, "create-error")
    assert_clean(page)
    assert not Customer.objects.exists()

    page.get_by_label("Price each").fill("100")
    page.get_by_role("button", name="Only make the link").click()
    expect(page.get_by_text("The link is ready")).to_be_visible()
    assert PaymentLink.objects.get().customer.name == "Grace"  # type: ignore[union-attr]


def test_copying_a_draft_makes_it_payable(
    page_at: PageAt, owner: User, ada: Customer
) -> None:
    link = make(ada, owner, "Cake", 1_000, draft=True)
    page = page_at(1280, owner)
    page.goto(f"/admin/links/paymentlink/{link.pk}/change/")
    shoot(page, "draft")

    page.get_by_role("button", name="Activate and copy").click()

    expect(page.locator("#public-address")).to_have_value(_is_address())
    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE


def _is_address() -> re.Pattern[str]:
    return re.compile(r"/p/[0-9A-Za-z]{22}/$")


def test_page_follows_the_payment_by_itself(
    page_at: PageAt, owner: User, ada: Customer
) -> None:
    link = make(ada, owner, "Cake", 1_000)
    page = page_at(1280, owner)
    page.goto(f"/admin/links/paymentlink/{link.pk}/change/")
    payments.record(make_seen(link, amount_minor=1_000))

    expect(page.locator("#link-state")).to_contain_text("Paid", timeout=14_000)
    expect(page.locator("#link-timeline")).to_contain_text("Paid in full")
    assert_clean(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_front_page_is_clean(
    page_at: PageAt, owner: User, ada: Customer, width: int
) -> None:
    page = page_at(width, owner)
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="Setting up")).to_be_visible()
    shoot(page, "front-empty")
    assert_clean(page)

    make_shop(owner, ada)
    payments.record(make_seen(None, payment_id="tpy_9", occurred_at=clock.now()))
    page.reload()
    expect(page.get_by_role("link", name="1 payment without a link")).to_be_visible()
    shoot(page, "front")
    assert_clean(page)
    page.get_by_role("link", name="Overdue").click()
    expect(page.get_by_text("PL-20")).to_have_count(1)


@pytest.mark.parametrize("width", [390, 1280])
def test_records_are_clean(
    page_at: PageAt, owner: User, ada: Customer, width: int
) -> None:
    half = make_shop(owner, ada)
    surplus = payments.record(make_seen(half, payment_id="tpy_9", amount_minor=99_000))
    assert surplus is not None
    plan = reminders.default_plan()
    page = page_at(width, owner)
    for path, name in (
        ("links/payment/", "payments"),
        (f"links/payment/{surplus.pk}/change/", "payment"),
        ("links/reminderplan/", "plans"),
        (f"links/reminderplan/{plan.pk}/change/", "plan"),
        ("links/provideraccount/", "accounts"),
        ("links/webhookevent/", "events"),
        (f"customers/customer/{ada.pk}/change/", "customer"),
        (f"links/paymentlink/of-customer/{ada.pk}/statement/", "statement"),
        (f"links/paymentlink/of-customer/{ada.pk}/messages/", "messages-of"),
        (f"links/paymentlink/{half.pk}/change/", "page-odd"),
        (f"links/paymentlink/{half.pk}/preview/", "preview-of"),
    ):
        page.goto(f"/admin/{path}")
        shoot(page, name)
        assert_clean(page)


@pytest.mark.parametrize("width", [390, 1280])
def test_filters_are_clean(
    page_at: PageAt, owner: User, ada: Customer, width: int
) -> None:
    make_shop(owner, ada)
    page = page_at(width, owner)
    page.goto("/admin/links/paymentlink/")

    page.get_by_role("button", name="Filters", exact=True).click()
    expect(page.get_by_text("In the next 7 days")).to_be_visible()
    shoot(page, "filters")
    assert_clean(page)
    page.get_by_role("link", name="In the next 30 days").click()
    expect(page.get_by_text("PL-20")).to_have_count(1)


def test_without_a_script_everything_still_works(
    browser: Browser,
    page_at: PageAt,
    live_server: LiveServer,
    owner: User,
    ada: Customer,
) -> None:
    plain = browser.new_context(
        java_script_enabled=False,
        base_url=live_server.url,
        storage_state=page_at(1280, owner).context.storage_state(),
    )
    page = plain.new_page()
    page.goto(ADD)
    page.locator("#customer-query").fill("ada@example.com")
    page.locator("[name=line_description]").first.fill("Cake")
    page.locator("[name=line_unit_amount]").first.fill("12.50")

    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What the customer gets")).to_be_visible()
    expect(page.locator(".mp-preview pre")).to_contain_text("$12.50")
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.get_by_text("Until then you can take it back.")).to_be_visible()
    assert PaymentLink.objects.get().customer == ada
    plain.close()
