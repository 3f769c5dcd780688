"""Plain makers of what tests of this app need."""

from datetime import UTC, date, datetime

from customers.models import Customer
from customers.services import customers
from links.models import PaymentLink
from links.providers.base import PaymentSnapshot, SeenState
from links.services import links
from links.services.amounts import LineData
from links.services.links import LinkData
from links.services.terms import Terms
from merchant_portal.business.models import Business
from merchant_portal.lib import ids
from merchant_portal.lib.actors import SYSTEM, Actor
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message
from notifications.services import contents

FIXED = Terms()
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def make_user(role: Role = Role.OWNER, email: str = "") -> User:
    return User.objects.create_user(email or f"{ids.new('u')}@shop.example", role=role)


def said(message: Message) -> str:
    """The words of a mail, as its reader will see them."""
    shown = contents.shown(message)
    assert shown is not None
    return shown.text


def send_at_once() -> None:
    """Let what staff send on their screens leave without a time to undo it."""
    Business.objects.current()
    Business.objects.update(undo_seconds=0)


def make_customer(
    name: str = "Ada Lovelace",
    email: str = "ada@example.com",
    phone: str = "+14155550100",
    time_zone: str = "America/New_York",
    language: str = "en",
) -> Customer:
    return customers.create(
        customers.CustomerData(
            name=name, email=email, phone=phone, time_zone=time_zone, language=language
        ),
        actor=SYSTEM,
    )


def make_link(
    customer: Customer | None = None,
    *,
    amount_minor: int = 1250,
    currency: str = "EUR",
    due_on: date | None = None,
    expires_at: datetime | None = None,
    draft: bool = False,
    actor: Actor = SYSTEM,
    lines: tuple[LineData, ...] = (),
    has_reminders: bool = True,
    terms: Terms = FIXED,
) -> PaymentLink:
    return links.create(
        LinkData(
            customer=customer,
            currency=currency,
            lines=lines or (LineData("Birthday cake", amount_minor),),
            due_on=due_on,
            expires_at=expires_at,
            draft=draft,
            has_reminders=has_reminders,
            terms=terms,
        ),
        actor=actor,
    )


def make_seen(
    link: PaymentLink | None = None,
    *,
    payment_id: str = "tpy_1",
    amount_minor: int = 1250,
    currency: str = "EUR",
    state: SeenState = SeenState.SUCCEEDED,
    occurred_at: datetime = NOON,
    account_slug: str = "training",
    checkout_reference: str = "",
    fee_minor: int | None = None,
) -> PaymentSnapshot:
    return PaymentSnapshot(
        account_slug=account_slug,
        provider_payment_id=payment_id,
        state=state,
        amount=Money(amount_minor, currency),
        occurred_at=occurred_at,
        link_reference=link.public_id if link else "",
        checkout_reference=checkout_reference,
        fee=None if fee_minor is None else Money(fee_minor, currency),
        method="card",
    )
