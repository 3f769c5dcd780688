from decimal import Decimal

import pytest

from ..money import (
    EXPONENTS,
    MAX_MINOR,
    Money,
    MoneyError,
    parse_amount,
    parse_currency,
    positive,
)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("12.5", "EUR", 1250),
        ("12", "EUR", 1200),
        (" 12.30 ", "EUR", 1230),
        ("0.01", "EUR", 1),
        ("007", "EUR", 700),
        ("1050", "JPY", 1050),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("5", "ISK", 5),
        ("5.50", "HUF", 550),
        ("5.50", "TWD", 550),
        ("5", "UGX", 5),
        ("999999999.99", "EUR", MAX_MINOR),
    ],
)
def test_reads_amounts_in_the_decimals_of_the_currency(
    text: str, currency: str, minor: int
) -> None:
    assert parse_amount(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "0",
        "0.00",
        "-5",
        "-0",
        "+5",
        "1e5",
        "1E5",
        "1_000",
        "１２.３０",  # noqa: RUF001
        "١٢٣",
        "0x10",
        "NaN",
        "inf",
        "Infinity",
        "true",
        "1e400",
        "1,000.00",
        "1.000,00",
        "12,50",
        "12.",
        ".5",
        "1 000",
        "12.345",
        "1234567890",
        "12.30\n",
        "12\u00a0",
        "12\x00",
        "$12",
        "12 EUR",
        "1" * 10_000,
    ],
)
def test_refuses_whatever_could_mean_something_else(text: str) -> None:
    with pytest.raises(MoneyError):
        parse_amount(text, "EUR")


@pytest.mark.parametrize(
    ("text", "currency", "example"),
    [
        ("10.50", "JPY", "1250"),
        ("10.5000", "KWD", "1250.500"),
        ("10,50", "EUR", "1250.50"),
        ("10.5", "ISK", "1250"),
        ("10.5", "UGX", "1250"),
    ],
)
def test_refusal_shows_an_example(text: str, currency: str, example: str) -> None:
    with pytest.raises(MoneyError) as refused:
        parse_amount(text, currency)

    assert str(refused.value).rstrip(".").endswith(f" {example}")


def test_too_large_in_three_decimals_is_refused() -> None:
    with pytest.raises(MoneyError, match="too large"):
        parse_amount("999999999.999", "KWD")


@pytest.mark.parametrize(
    ("text", "code"), [("usd", "USD"), (" Eur ", "EUR"), ("JPY", "JPY")]
)
def test_knows_currencies_in_any_case(text: str, code: str) -> None:
    assert parse_currency(text) == code


@pytest.mark.parametrize(
    "text",
    ["US$", "XXX", "BTC", "", "USDX", "XAU", "ＵＳＤ", "US\x00"],  # noqa: RUF001
)
def test_refuses_what_is_no_currency(text: str) -> None:
    with pytest.raises(MoneyError):
        parse_currency(text)


@pytest.mark.parametrize("amount", [0, -1, True, 1.0, MAX_MINOR + 1, "5", None])
def test_positive_takes_whole_positive_numbers_only(amount: object) -> None:
    with pytest.raises(MoneyError):
        positive(amount, "EUR")  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", [0.1, True, "5", Decimal(5)])
def test_money_is_an_integer(amount: object) -> None:
    with pytest.raises(MoneyError):
        Money(amount, "EUR")  # type: ignore[arg-type]


def test_currencies_do_not_add_up() -> None:
    assert Money(5, "EUR") + Money(6, "EUR") == Money(11, "EUR")
    with pytest.raises(MoneyError):
        Money(5, "EUR") + Money(6, "USD")


@pytest.mark.parametrize(
    ("money", "decimal", "english", "german"),
    [
        (Money(125_050, "EUR"), "1250.50", "€1,250.50", "1.250,50\xa0€"),
        (Money(1250, "JPY"), "1250", "¥1,250", "1.250\xa0¥"),
        (Money(1234, "KWD"), "1.234", "KWD\xa01.234", "1,234\xa0KWD"),
    ],
)
def test_people_read_it_in_their_language(
    money: Money, decimal: str, english: str, german: str
) -> None:
    assert str(money.decimal) == decimal
    assert money.format("en") == english
    assert money.format("de") == german


def test_every_exponent_is_0_2_or_3() -> None:
    assert set(EXPONENTS.values()) == {0, 2, 3}
