"""Reports over the API: what there is, its figures, and whose they are."""

from datetime import UTC, datetime
from typing import Any

import pytest

from links.reports.registry import REPORTS
from links.services import payments
from links.tests.factories import make_link, make_seen, make_user
from merchant_portal.staff.roles import Role

from .client import Caller
from .conftest import NewCaller
from .test_core import read

AT = datetime(2026, 3, 31, 9, tzinfo=UTC)
MARCH = {"first": "2026-03-01", "last": "2026-03-31"}


def money(amount_minor: int) -> dict[str, Any]:
    return {"amount_minor": amount_minor, "currency": "EUR"}


def test_lists_what_there_is_and_how_to_ask_for_it(caller: Caller) -> None:
    items = read(caller.get("reports"))["items"]

    assert [item["name"] for item in items] == list(REPORTS)
    assert items[0]["by"] == [
        *("day", "week", "month", "provider", "method", "staff", "customer")
    ]
    assert items[0]["figures"][:2] == ["paid", "payments"]


def test_tells_the_figures_of_a_month(caller: Caller) -> None:
    for name in ("p1", "p2"):
        seen = make_seen(make_link(), payment_id=name, occurred_at=AT, fee_minor=44)
        payments.record(seen)

    found = read(caller.get("reports/payments", **MARCH, by="month"))

    figures = {
        "payments": 2,
        "paid": money(2500),
        "refunds": 0,
        "refunded": money(0),
        "disputes": 0,
        "lost": money(0),
        "fees": money(88),
        "net": money(2412),
    }
    assert (found["name"], found["by"]) == ("payments", "month")
    assert (found["first"], found["last"]) == ("2026-03-01", "2026-03-31")
    assert found["rows"] == [
        {
            "key": "2026-03-01",
            "title": "March 2026",
            "currency": "EUR",
            "figures": figures,
        }
    ]
    assert found["sums"] == [
        {"key": "", "title": "", "currency": "EUR", "figures": figures}
    ]


def test_a_key_for_own_links_gets_their_figures_alone(new_caller: NewCaller) -> None:
    maker = make_user(Role.MANAGER)
    mine = make_link(actor=maker.actor())
    payments.record(make_seen(mine, payment_id="p1", occurred_at=AT))
    payments.record(make_seen(make_link(), payment_id="p2", occurred_at=AT))

    own = new_caller("reports:read", created_by=maker)
    whole = new_caller("reports:read", "links:all", created_by=maker)

    for reader, count in ((own, 1), (whole, 2)):
        (row,) = read(reader.get("reports/payments", **MARCH, by="month"))["rows"]
        assert row["figures"]["payments"] == count


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"by": "color"}, "by"),
        ({"first": "2026-04-01", "last": "2026-03-01"}, "last"),
        ({"first": "1990-01-01", "last": "2026-03-01"}, "first"),
        ({"first": "yesterday"}, "first"),
        ({"last": "0001-01-01"}, "first"),
        ({"first": "9999-12-30", "last": "9999-12-31"}, "first"),
    ],
)
def test_says_which_input_cannot_be_answered(
    caller: Caller, query: dict[str, str], parameter: str
) -> None:
    problem = read(caller.get("reports/payments", **query), 422)

    assert [error["parameter"] for error in problem["errors"]] == [parameter]


def test_a_report_that_is_not_there(caller: Caller) -> None:
    assert caller.get("reports/weather").status_code == 404
