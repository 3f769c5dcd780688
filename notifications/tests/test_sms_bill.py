from decimal import Decimal

import pytest
from pytest_django.fixtures import Settings

from notifications.services import sms_bill


def test_each_sign_says_what_to_write_instead() -> None:
    bill = sms_bill.of("a" * 100 + " \u2192 \U0001f389 \u202f\u0141")

    assert [(s.character, s.name, s.instead, s.goes) for s in bill.signs] == [
        ("\u2192", "", "->", False),
        ("\U0001f389", "", "", True),
        ("\u202f", "narrow no-break space", "a plain space", False),
        ("\u0141", "", "L", False),
    ]
    assert bill.count.parts == 2
    assert bill.cheaper is not None
    assert (bill.cheaper.encoding, bill.cheaper.parts) == ("GSM-7", 1)


def test_a_script_without_such_letters_is_named_and_nothing_offered() -> None:
    bill = sms_bill.of("\u05e9\u05dc\u05d5\u05dd " * 20)

    assert [(s.character, s.instead, s.goes) for s in bill.signs] == [
        ("\u05e9", "", False)
    ]
    assert bill.cheaper is None


@pytest.mark.parametrize(
    ("price", "currency", "parts", "expected"),
    [
        (None, "", 3, ""),
        ("7.5", "EUR", 2, "€0.15"),
        ("0.83", "USD", 1, "$0.01"),
        ("0.83", "USD", 3, "$0.03"),
        ("9", "JPY", 2, "¥18"),
    ],
)
def test_the_cost_is_rounded_up_and_silent_where_nobody_said(
    settings: Settings, price: str | None, currency: str, parts: int, expected: str
) -> None:
    settings.SMS_PRICE_MINOR = Decimal(price) if price else None
    settings.SMS_PRICE_CURRENCY = currency

    assert sms_bill.cost_of(parts) == expected
