"""The daily sums are found anew while people pay: nothing that is booked is lost.

In the control the table is not held and nothing else is changed.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from links.models import DailyTotal
from links.services import payments, rebuilding
from links.tests.factories import make_link, make_seen

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
A_WHILE = 1.0
END_SECONDS = 30.0


def rebuild_while_somebody_pays(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Book a payment after the rows were added up, before the sums are read; whether it
    was booked within a while."""
    payments.record(make_seen(make_link(), payment_id="before"))
    link, booked = make_link(), threading.Event()
    find = rebuilding._found

    def pay() -> None:
        try:
            payments.record(make_seen(link, payment_id="meanwhile"))
            booked.set()
        finally:
            connections.close_all()

    def found(first: date, last: date, zone: ZoneInfo) -> Iterator[Any]:
        yield from list(find(first, last, zone))
        futures.append(pool.submit(pay))
        was_quick.append(booked.wait(A_WHILE))

    futures: list[Any] = []
    was_quick: list[bool] = []
    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patch:
        patch.setattr(rebuilding, "_found", found)
        list(rebuilding.rebuild())
        futures[0].result(END_SECONDS)
    return was_quick[0]


def counted() -> int:
    return sum(row.count for row in DailyTotal.objects.filter(measure="paid"))


def test_a_payment_meanwhile_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    was_booked_meanwhile = rebuild_while_somebody_pays(monkeypatch)

    assert not was_booked_meanwhile  # it waited for the sums
    assert counted() == 2
    assert list(rebuilding.rebuild(is_dry=True)) == []


def test_control_without_holding_the_sums_it_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rebuilding, "_hold", lambda: None)

    was_booked_meanwhile = rebuild_while_somebody_pays(monkeypatch)

    assert was_booked_meanwhile
    assert counted() == 1
