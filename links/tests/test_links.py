"""The life of a link: made once, numbered without gaps, closed for good."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from links.models import (
    DailyTotal,
    LinkStatus,
    NumberSeries,
    PaymentLink,
    TrainingSession,
)
from links.providers import training
from links.services import checkouts, links, pages, payments, sending
from links.services.amounts import LineData, totals
from links.services.errors import LinkConflict, LinkError
from links.services.links import LinkData
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.lib.actors import SYSTEM
from notifications import kinds
from notifications.models import Message, MessageState

from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("lines", "inclusive", "net", "tax"),
    [
        ([LineData("a", 1000)], False, 1000, 0),
        # 3 times 3.33 at 19 %: 9.99 and 1.8981
        ([LineData("a", 333, 3000, tax_bp=1900)], False, 999, 190),
        # half-up on the line, not on the sum: 0.5 twice
        ([LineData("a", 1, 500), LineData("b", 1, 500)], False, 2, 0),
        ([LineData("a", 1000, discount_bp=3333)], False, 667, 0),
        ([LineData("a", 1190, tax_bp=1900)], True, 1000, 190),
        # 0.10 inclusive of 7 %: 0.0935 net
        ([LineData("a", 10, tax_bp=700)], True, 9, 1),
        ([LineData("a", 1, 1, tax_bp=0), LineData("b", 100)], False, 100, 0),
    ],
)
def test_sums_are_half_up_per_line(
    lines: list[LineData], inclusive: bool, net: int, tax: int
) -> None:
    result = totals(lines, prices_include_tax=inclusive, currency="EUR")

    assert (result.net_minor, result.tax_minor) == (net, tax)
    assert result.amount_minor == net + tax


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (LineData("", 100), "lines.0.description"),
        (LineData("x\x00", 100), "lines.0.description"),
        (LineData("a", -1), "lines.0.unit_amount"),
        (LineData("a", 100, 0), "lines.0.quantity"),
        (LineData("a", 100, discount_bp=10_001), "lines.0.discount"),
        (LineData("a", 100, tax_bp=-1), "lines.0.tax"),
        (LineData("a", 10**20, discount_bp=10_000), "lines.0.unit_amount"),
        (LineData("a", 0), "lines"),
        (LineData("a", 100, discount_bp=10_000), "lines"),
        (LineData("a", 99_999_999_999, 2000), "lines"),
    ],
)
def test_a_line_that_cannot_be_is_refused_by_name(line: LineData, field: str) -> None:
    with pytest.raises(LinkError) as refused:
        make_link(lines=(line,))

    assert refused.value.field == field
    assert not PaymentLink.objects.exists()


def test_numbers_have_no_gaps_even_after_a_failure() -> None:
    first = make_link()
    with pytest.raises(LinkError):
        make_link(lines=(LineData("a", 0),))
    draft = make_link(draft=True)
    second = make_link()

    assert draft.number is None
    year = clock.now().year
    assert [first.number, second.number] == [
        f"PL-{year}-000001",
        f"PL-{year}-000002",
    ]
    assert NumberSeries.objects.get().last == 2


def test_the_same_form_makes_one_link() -> None:
    data = LinkData(
        customer=None,
        currency="EUR",
        lines=(LineData("a", 100),),
        creation_key="form-1",
    )

    assert links.create(data, actor=SYSTEM).pk == links.create(data, actor=SYSTEM).pk
    assert PaymentLink.objects.count() == 1


def test_a_draft_is_activated_by_sending_it() -> None:
    link = make_link(make_customer(), draft=True)

    sending.send(link, ["email"], actor=SYSTEM)

    assert link.status == LinkStatus.ACTIVE
    assert link.number is not None


def test_an_edit_against_an_older_version_changes_nothing() -> None:
    link = make_link()
    seen = link.version
    change = {"due_on": None, "expires_at": None, "actor": SYSTEM}
    links.edit(link, note_text="first", version=seen, **change)  # type: ignore[arg-type]

    with pytest.raises(LinkConflict):
        links.edit(link, note_text="second", version=seen, **change)  # type: ignore[arg-type]

    assert PaymentLink.objects.get().note == "first"


def test_canceling_takes_back_what_waits_and_only_once() -> None:
    link = make_link(make_customer())
    sending.send(link, ["email"], actor=SYSTEM)

    assert links.cancel(link, actor=SYSTEM, reason="Ordered twice") is True
    assert links.cancel(link, actor=SYSTEM) is False

    assert link.is_withdrawn
    assert Message.objects.get().state == MessageState.CANCELED
    assert AuditEntry.objects.filter(action="link.canceled").count() == 1


def test_a_correction_replaces_the_link_and_tells_the_customer() -> None:
    link = make_link(make_customer())
    sending.send(link, ["email", "sms"], actor=SYSTEM)
    data = LinkData(link.customer, "EUR", (LineData("Birthday cake", 1500),))

    fresh = links.correct(link, data, actor=SYSTEM)

    assert link.status == LinkStatus.CANCELED
    assert (fresh.replaces, fresh.amount_minor) == (link, 1500)
    told = Message.objects.filter(kind="correction", reference=fresh.public_id)
    assert {m.channel for m in told} == {"email", "sms"}
    assert fresh.reminders_due.count() == 1


def test_a_correction_submitted_twice_is_one() -> None:
    link = make_link()
    data = LinkData(None, "EUR", (LineData("a", 1500),), creation_key="k" * 20)

    first = links.correct(link, data, actor=SYSTEM)
    again = links.correct(link, data, actor=SYSTEM)

    assert first == again
    assert PaymentLink.objects.count() == 2


@pytest.mark.parametrize(
    ("time_zone", "number"),
    [("Asia/Tokyo", "PL-2027-000001"), ("America/New_York", "PL-2026-000001")],
)
def test_numbers_follow_the_year_of_the_business(time_zone: str, number: str) -> None:
    Business.objects.current()
    Business.objects.update(time_zone=time_zone)

    # the 1st of January in Tokyo, the 31st of December in New York
    with clock.frozen(datetime(2026, 12, 31, 18, 0, tzinfo=UTC)):
        assert make_link().number == number


@pytest.mark.parametrize(
    ("currency", "unit_minor", "amount_minor", "shown"),
    [("JPY", 1250, 1250, "¥1,250"), ("KWD", 1250, 1250, "KWD 1.250")],
)
def test_money_without_or_with_three_decimals_goes_through_unscaled(
    currency: str, unit_minor: int, amount_minor: int, shown: str
) -> None:
    link = make_link(
        make_customer(), currency=currency, lines=(LineData("a", unit_minor),)
    )
    checkouts.start(link.pk, "training")
    training.answer(TrainingSession.objects.get(), "lost")
    checkouts.settle(link.checkouts.get().pk)

    payment = link.payments.get()
    assert (payment.amount_minor, payment.currency) == (amount_minor, currency)
    assert payment.mismatch == ""
    total = DailyTotal.objects.get(measure="paid")
    assert (total.amount_minor, total.currency) == (amount_minor, currency)
    assert payment.amount.format("en").replace("\xa0", " ") == shown
    link.refresh_from_db()
    assert link.status == LinkStatus.PAID


def test_the_receipt_names_the_day_of_the_business() -> None:
    Business.objects.current()
    Business.objects.update(time_zone="Pacific/Auckland")
    link = make_link(make_customer())
    # noon of the 10th in Auckland is still the 9th in UTC
    payments.record(
        make_seen(link, occurred_at=datetime(2026, 3, 9, 23, 0, tzinfo=UTC))
    )

    receipt = Message.objects.get(kind="receipt")
    (values,) = kinds.get("receipt").context([receipt]).values()
    assert values["paid_on"] == "March 10, 2026"


def test_a_link_with_money_cannot_be_corrected() -> None:
    link = make_link()
    payments.record(make_seen(link, amount_minor=10))

    with pytest.raises(LinkConflict):
        links.correct(link, LinkData(None, "EUR", (LineData("a", 1500),)), actor=SYSTEM)

    link.refresh_from_db()
    assert link.status == LinkStatus.ACTIVE
    assert PaymentLink.objects.count() == 1


def test_an_expired_link_is_opened_again_under_the_same_address() -> None:
    link = make_link(expires_at=clock.now() + timedelta(hours=1))
    address = pages.url_of(link)
    with clock.frozen(clock.now() + timedelta(hours=2)):
        links.expire_due()
        link.refresh_from_db()
        assert link.status == LinkStatus.EXPIRED

        assert links.extend(link, expires_at=None, actor=SYSTEM)

    assert link.status == LinkStatus.ACTIVE
    assert pages.url_of(link) == address


@pytest.mark.parametrize("changed", ["", "AAAAAAAAAAAAAAAAAAAAAA", "x" * 21, "x" * 23])
def test_an_address_finds_its_link_and_no_other(changed: str) -> None:
    link = make_link()
    token = pages.token_of(link)

    assert pages.find_by_token(changed) is None
    assert pages.find_by_token(token.swapcase()) is None
    found = pages.find_by_token(f"{token}.")
    assert found is not None
    assert found.link == link


def test_a_draft_has_no_page() -> None:
    assert pages.find_by_token(pages.token_of(make_link(draft=True))) is None


def test_the_database_refuses_a_second_live_link_number() -> None:
    link = make_link()
    other = make_link()

    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentLink.objects.filter(pk=other.pk).update(number=link.number)


def test_sending_needs_an_address_and_an_open_link() -> None:
    link = make_link(make_customer(phone=""))
    with pytest.raises(LinkError) as refused:
        sending.send(link, ["email", "sms"], actor=SYSTEM)
    assert refused.value.field == "channels"
    assert Message.objects.count() == 0

    links.cancel(link, actor=SYSTEM)
    with pytest.raises(LinkConflict):
        sending.send(link, ["email"], actor=SYSTEM)


def test_the_same_send_form_sends_once() -> None:
    link = make_link(make_customer())

    sending.send(link, ["email"], actor=SYSTEM, key="f")
    assert sending.send(link, ["email"], actor=SYSTEM, key="f") == []

    assert Message.objects.count() == 1


def test_a_due_date_far_away_is_refused() -> None:
    with pytest.raises(LinkError) as refused:
        make_link(due_on=date(2090, 1, 1))

    assert refused.value.field == "due_on"


def test_agents_see_only_their_own_links() -> None:
    from merchant_portal.staff.roles import Role

    owner, agent = make_user(Role.OWNER), make_user(Role.AGENT)
    theirs = make_link(actor=owner.actor())
    own = make_link(actor=agent.actor())

    assert set(PaymentLink.objects.visible_to(agent)) == {own}
    assert set(PaymentLink.objects.visible_to(owner)) == {theirs, own}
