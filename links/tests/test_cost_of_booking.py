"""What booking one payment costs: the same, however much there is on the link."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from links.models import (
    Checkout,
    CheckoutState,
    How,
    News,
    NoticeItem,
    Payment,
    PaymentLink,
    ProviderAccount,
    Whose,
)
from links.providers.base import PaymentSnapshot, RefundSnapshot, RefundState
from links.services import (
    accounts,
    checkouts,
    keyring,
    notice_choices,
    notice_rules,
    payments,
)
from links.services.amounts import LineData
from merchant_portal.business import services as business
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role
from notifications.models import Message
from notifications.services import outbox

from .factories import NOON, make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
MOST = 17
NO_WORK = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK")
# What a test's own transaction makes of BEGIN and COMMIT.


def link_with(count: int) -> PaymentLink:
    """So many lines, ended checkouts and queued messages."""
    lines = tuple(LineData(f"Cake {number}", 25) for number in range(count))
    link = make_link(make_customer(), lines=lines)
    account = accounts.get("training")
    Checkout.objects.bulk_create(
        Checkout(
            link=link,
            account=account,
            amount_minor=1,
            currency="EUR",
            state=CheckoutState.EXPIRED,
            created_at=clock.now(),
        )
        for _number in range(count)
    )
    outbox.enqueue_many(
        [
            outbox.NewMessage(
                kind="reminder",
                channel="email",
                recipient="ada@example.com",
                language="en",
                reference=link.public_id,
                dedupe_key=f"reminder:{link.public_id}:{number}",
            )
            for number in range(count)
        ]
    )
    return link


def paid(link: PaymentLink, name: str = "tpy_1") -> PaymentSnapshot:
    return make_seen(link, payment_id=name, amount_minor=link.amount_minor)


@pytest.fixture(autouse=True)
def _as_in_production(settings: Any) -> Iterator[None]:
    """What the merchant has set is read once a second, not with each payment."""
    settings.KEPT_SECONDS = 60
    keyring.forget()
    business.forget()
    notice_rules.forget()
    yield
    keyring.forget()
    business.forget()
    notice_rules.forget()


def first(link: PaymentLink) -> PaymentSnapshot:
    return paid(link)


def repeat(link: PaymentLink) -> PaymentSnapshot:
    payments.record(paid(link))
    return paid(link)


def refund(link: PaymentLink) -> PaymentSnapshot:
    payments.record(paid(link))
    back = RefundSnapshot("tre_1", RefundState.SUCCEEDED, Money(10, "EUR"), NOON)
    return replace(paid(link), refunds=(back,))


def through_a_session(link: PaymentLink) -> PaymentSnapshot:
    """As most money comes: by the provider's own name of the session."""
    checkouts.start(link.pk, "training")
    session = link.checkouts.get(state="open").provider_session_id
    return replace(paid(link), provider_session_id=session)


def surplus(link: PaymentLink) -> PaymentSnapshot:
    payments.record(paid(link))
    return paid(link, "tpy_2")


def orphan(link: PaymentLink) -> PaymentSnapshot:
    return make_seen(payment_id="tpy_3")


def wrong_currency(link: PaymentLink) -> PaymentSnapshot:
    return make_seen(link, currency="USD")


def statements(news: Callable[[PaymentLink], PaymentSnapshot], count: int) -> list[str]:
    link = link_with(count)
    seen = news(link)
    keyring.forget()
    keyring.held()
    business.kept()
    notice_rules.people()
    with CaptureQueriesContext(connection) as asked:
        payments.record(seen)
    texts = [query["sql"] for query in asked]
    return [text for text in texts if not text.startswith(NO_WORK)]


@pytest.mark.parametrize(
    "news",
    [first, through_a_session, repeat, refund, surplus, orphan, wrong_currency],
)
def test_takes_the_same_few_statements(
    news: Callable[[PaymentLink], PaymentSnapshot],
) -> None:
    statements(news, 1)  # the day's total is made once
    _rename()
    few = statements(news, 1)
    _rename()
    many = statements(news, 50)

    assert len(many) == len(few)
    numbered = 2 if news is refund else 0  # that of its credit note
    assert len(many) <= MOST + numbered


class TestWhoIsTold:
    """What staff want to know of payments costs a statement at most."""

    def told(self, how: How) -> int:
        """Statements of a first payment, where three want it so."""
        for role in (Role.OWNER, Role.MANAGER, Role.FINANCE):
            person = make_user(role)
            wanted = {**notice_choices.chosen(person), News.PAID: (how, Whose.ALL)}
            notice_choices.save(person, wanted, person.digest_hour)
        return self.count()

    def count(self) -> int:
        notice_rules.forget()
        statements(first, 1)
        _rename()
        return len(statements(first, 1))

    def test_nothing_where_nobody_wants_it(self) -> None:
        nobody = self.count()
        _rename()

        assert self.told(How.OFF) == nobody

    @pytest.mark.parametrize(("how", "more"), [(How.AT_ONCE, 0), (How.DIGEST, 1)])
    def test_the_same_for_three(self, how: How, more: int) -> None:
        nobody = self.count()
        _rename()

        assert self.told(how) == nobody + more
        mails = Message.objects.filter(kind="staff_news", subject_id="paid")
        items = NoticeItem.objects.filter(news="paid")
        assert (mails.count(), items.count()) == ((6, 0) if more == 0 else (0, 6))


def _rename() -> None:
    """What was booked so far is of other payments."""
    for payment in Payment.objects.all():
        payment.provider_payment_id = f"{payment.pk}_before"
        payment.save()


def test_would_see_a_statement_for_each_checkout() -> None:
    """The control: were each asked about, fifty would show."""
    link = link_with(50)
    with CaptureQueriesContext(connection) as asked:
        for checkout in link.checkouts.all():
            assert ProviderAccount.objects.filter(pk=checkout.account_id).exists()
        payments.record(paid(link))

    assert len(asked) > MOST + 40
