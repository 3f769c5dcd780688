import pytest

from links.providers.base import ProviderRejected
from links.providers.stripe_money import (
    MINIMUM_MINOR,
    SUPPORTED,
    from_stripe,
    to_stripe,
)
from merchant_portal.lib.money import EXPONENTS, Money


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (Money(1250, "EUR"), 1250),
        (Money(1250, "JPY"), 1250),
        (Money(1250, "ISK"), 125_000),
        (Money(1250, "UGX"), 125_000),
        (Money(1250, "HUF"), 1250),
        (Money(1230, "KWD"), 1230),
        (Money(125_000, "MGA"), 1250),
    ],
)
def test_counts_as_stripe_does_and_back(amount: Money, units: int) -> None:
    assert to_stripe(amount) == units
    assert from_stripe(units, amount.currency.lower()) == amount


@pytest.mark.parametrize(
    "amount",
    [
        Money(1234, "KWD"),
        Money(150, "MGA"),
        Money(100, "IRR"),
        Money(100_000_000, "EUR"),
        Money(1_000_000, "ISK"),
        Money(0, "EUR"),
        Money(-5, "EUR"),
    ],
)
def test_refuses_what_stripe_cannot_charge(amount: Money) -> None:
    with pytest.raises(ProviderRejected):
        to_stripe(amount)


def test_rounds_a_fee_below_the_smallest_unit_half_up() -> None:
    assert from_stripe(149, "isk") == Money(1, "ISK")
    assert from_stripe(150, "isk") == Money(2, "ISK")


@pytest.mark.parametrize(("units", "currency"), [("5", "eur"), (5, "usdc"), (5, "")])
def test_refuses_what_is_no_money(units: object, currency: str) -> None:
    with pytest.raises(ProviderRejected):
        from_stripe(units, currency)


def test_data_names_only_currencies_we_know() -> None:
    assert set(EXPONENTS) >= SUPPORTED
    assert set(MINIMUM_MINOR) <= SUPPORTED
    assert MINIMUM_MINOR["HUF"] == 17500
    assert MINIMUM_MINOR["JPY"] == 50
