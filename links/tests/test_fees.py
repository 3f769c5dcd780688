"""What each way to pay would cost, and why one is not offered."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from links.models import FeeRate
from links.services import accounts, fees
from links.services.offers import Hindrance
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role

from .admin_forms import ADD, filled
from .factories import make_user

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 26)


@pytest.fixture(autouse=True)
def _in_use(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = settings.TRAINING_ENABLED = False
    settings.STRIPE_SECRET_KEY = settings.PAYPAL_CLIENT_ID = "x"
    settings.SQUARE_ACCESS_TOKEN = "x"


def rate(slug: str, share_bp: int, fixed_minor: int, **changes: Any) -> FeeRate:
    facts = {"currency": "EUR", "valid_from": date(2026, 1, 1), **changes}
    return FeeRate.objects.create(
        account=accounts.get(slug),
        share_bp=share_bp,
        fixed_minor=fixed_minor,
        **facts,
    )


def fee(amount: Money, slug_title: str = "Stripe") -> int | None:
    (found,) = [o for o in fees.outlook(amount, TODAY) if o.way.title == slug_title]
    return None if found.fee is None else found.fee.amount_minor


@pytest.mark.parametrize(
    ("minor", "expected"), [(1250, 66), (50, 31), (10_000, 320), (1, 1)]
)
def test_a_share_and_a_fixed_part_half_up(minor: int, expected: int) -> None:
    rate("stripe", 290, 30)

    assert fee(Money(minor, "EUR")) == expected


def test_the_newest_that_has_begun_counts() -> None:
    rate("stripe", 290, 30)
    rate("stripe", 100, 0, valid_from=date(2026, 6, 1))
    rate("stripe", 500, 0, valid_from=date(2026, 12, 1))
    rate("stripe", 700, 0, currency="USD")

    assert fee(Money(10_000, "EUR")) == 100
    assert fee(Money(10_000, "USD")) == 700
    assert fee(Money(10_000, "GBP")) is None


@pytest.mark.parametrize(
    ("amount", "title", "hindrance", "bound"),
    [
        (Money(1250, "EUR"), "Stripe", Hindrance.NONE, None),
        (Money(49, "EUR"), "Stripe", Hindrance.TOO_SMALL, 50),
        (Money(1250, "CHF"), "Square", Hindrance.CURRENCY, None),
        (Money(1250, "HUF"), "PayPal", Hindrance.STEP, 100),
    ],
)
def test_says_why_a_provider_is_not_offered(
    amount: Money, title: str, hindrance: Hindrance, bound: int | None
) -> None:
    (found,) = [one for one in fees.outlook(amount, TODAY) if one.way.title == title]

    assert found.way.hindrance is hindrance
    assert (found.way.bound and found.way.bound.amount_minor) == bound


def test_one_that_is_switched_off_says_so() -> None:
    account = accounts.get("square")
    account.is_enabled = False
    account.save()

    found = {
        one.way.title: one.way.hindrance for one in fees.outlook(Money(1, "USD"), TODAY)
    }

    assert found["Square"] is Hindrance.OFF


def test_costs_two_queries(django_assert_num_queries: Any) -> None:
    for slug in ("stripe", "paypal", "square"):
        rate(slug, 290, 30)

    with django_assert_num_queries(2):
        fees.outlook(Money(1250, "EUR"), TODAY)


def test_the_create_screen_tells_while_typing() -> None:
    rate("stripe", 290, 30)
    client = Client()
    client.force_login(make_user(Role.AGENT))
    page = client.get(ADD).content.decode()
    assert 'id="providers"' in page
    said = client.post(f"{ADD}totals/", filled()).json()

    assert said["providers"] == [
        {
            "slug": "stripe",
            "title": "Stripe",
            "text": "keeps about €0.66, €11.84 comes in",
        },
        {"slug": "paypal", "title": "PayPal", "text": ""},
        {"slug": "square", "title": "Square", "text": ""},
    ]


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 302), (Role.FINANCE, 403), (Role.MANAGER, 403)]
)
def test_owners_write_the_price_list(role: Role, status: int) -> None:
    account = accounts.get("stripe")
    client = Client()
    client.force_login(make_user(role))
    given = {
        "is_enabled": "on",
        "position": "0",
        "fee_rates-TOTAL_FORMS": "1",
        "fee_rates-INITIAL_FORMS": "0",
        "fee_rates-0-currency": "eur",
        "fee_rates-0-valid_from": "2026-01-01",
        "fee_rates-0-share_bp": "290",
        "fee_rates-0-fixed_minor": "30",
    }

    answer = client.post(f"/admin/links/provideraccount/{account.pk}/change/", given)

    assert answer.status_code == status
    kept = list(FeeRate.objects.values_list("currency", "share_bp"))
    assert kept == ([("EUR", 290)] if status == 302 else [])
