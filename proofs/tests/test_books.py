"""The judge of a shop's money, on books made for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from proofs import books

TABLES = """
    CREATE TABLE links_payment (
        currency text, state text, amount_minor bigint, refunded_minor bigint);
    CREATE TABLE links_refund (currency text, state text, amount_minor bigint);
    CREATE TABLE links_dailytotal (currency text, measure text, amount_minor bigint);
    INSERT INTO links_payment VALUES
        ('EUR', 'succeeded', 1250, 300), ('EUR', 'failed', 999, 0),
        ('EUR', 'succeeded', 500, 0), ('USD', 'processing', 700, 0);
    INSERT INTO links_refund VALUES
        ('EUR', 'succeeded', 300), ('EUR', 'failed', 200), ('EUR', 'proposed', 500);
    INSERT INTO links_dailytotal VALUES
        ('EUR', 'paid', 1000), ('EUR', 'paid', 750), ('EUR', 'refunded', 300),
        ('EUR', 'sent', 77);
"""


@pytest.fixture
def shop() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(TABLES)
        yield connection


def test_whole_books_are_summed_by_currency(shop: sqlite3.Connection) -> None:
    assert books.check(shop) == []
    assert books.check(shop) == []
    assert books.read(shop) == {
        "EUR": books.Sums(captured=1750, refunded=300, on_payments=300, ledger=1450)
    }


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            "INSERT INTO links_payment VALUES ('USD', 'succeeded', 700, 0)",
            "USD: 700 was kept, the ledger says 0",
        ),
        (
            "INSERT INTO links_dailytotal VALUES ('EUR', 'paid', 1250)",
            "EUR: 1450 was kept, the ledger says 2700",
        ),
        (
            "UPDATE links_payment SET refunded_minor = 0",
            "EUR: 300 was given back, payments say 0",
        ),
    ],
)
def test_what_does_not_add_up_is_named(
    shop: sqlite3.Connection, fault: str, said: str
) -> None:
    shop.execute(fault)

    assert books.check(shop) == [said]
