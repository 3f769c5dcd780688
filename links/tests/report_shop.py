"""Half a year of a sample shop, for tests that add its figures up from plain SQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from links.models import Payment
from links.providers.base import (
    DisputeSnapshot,
    DisputeState,
    RefundSnapshot,
    RefundState,
)
from links.sample.story import Story
from links.services import disputes, payments
from merchant_portal.business import services as business
from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_seen, make_user

UNTIL = datetime(2026, 6, 30, 21, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")


def tell() -> None:
    """Half a year of a sample shop with refunds, disputes, surplus, more currencies."""
    Business.objects.update_or_create(
        pk=1, defaults={"time_zone": "Europe/Berlin", "is_sample": True}
    )
    business.forget()
    makers = [make_user(Role.OWNER), make_user(Role.AGENT)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("links.sample.story.GIVEN_BACK", 0.3)
        actors = [maker.actor() for maker in makers]
        Story(seed=7, count=60, until=UNTIL, actors=actors).tell()
    _surplus_and_disputes()
    for number, currency in enumerate(("CHF", "JPY", "KWD", "USD")):
        link = make_link(make_customer(), currency=currency, actor=makers[1].actor())
        at = datetime(2026, 3, 31, 22, 30, tzinfo=UTC) + timedelta(hours=number)
        seen = make_seen(
            link, payment_id=f"c{number}", currency=currency, occurred_at=at
        )
        back = RefundSnapshot(
            f"b{number}", RefundState.SUCCEEDED, Money(300, currency), at + timedelta(2)
        )
        payments.record(
            replace(seen, method="", fee=Money(31, currency), refunds=(back,))
        )
    payments.record(make_seen(None, payment_id="orphan"))


def _surplus_and_disputes() -> None:
    paid = list(Payment.objects.filter(state="succeeded").select_related("account"))
    assert len(paid) > 20
    for number, payment in enumerate(paid[:8]):
        assert payment.link is not None
        again = make_seen(
            payment.link,
            payment_id=f"again{number}",
            amount_minor=100 + number,
            currency=payment.currency,
            occurred_at=payment.occurred_at + timedelta(days=number),
        )
        payments.record(again)
        disputes.record(
            DisputeSnapshot(
                account_slug=payment.account.slug,
                provider_dispute_id=f"d{number}",
                provider_payment_id=payment.provider_payment_id,
                state=DisputeState.LOST if number % 2 else DisputeState.WON,
                amount=payment.amount,
                reason="",
                opened_at=payment.occurred_at,
                respond_by=None,
                changed_at=payment.occurred_at + timedelta(days=20),
            )
        )


def rows_of(query: str, *values: str | int) -> list[Sequence[Any]]:
    """What plain SQL gives."""
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def moment(told: "datetime | str") -> datetime:
    """As this database keeps it."""
    if not isinstance(told, datetime):
        told = datetime.fromisoformat(told)
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def day_of(told: "datetime | str") -> date:
    """The day of the business."""
    return moment(told).astimezone(ZONE).date()
