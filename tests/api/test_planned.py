"""Sending at a later moment over the API."""

from typing import Any

import pytest

from conftest import FrozenClock
from customers.models import Customer
from links.models import PlannedSend
from links.services import later
from notifications.models import Message

from .client import Caller, problem
from .test_core import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(frozen: FrozenClock, caller: Caller, customer: Customer) -> str:
    customer.time_zone = "America/New_York"
    customer.save()
    body = {
        "currency": "EUR",
        "customer": customer.public_id,
        "lines": [{"description": "Chair", "unit_amount_minor": 625}],
    }
    return str(read(caller.post("links", body), 201)["id"])


def plan(caller: Caller, link: str, at: object) -> Any:
    body = {"channels": ["email"], "send_at": at}
    return caller.post(f"links/{link}/send", body)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("2026-06-16T09:00:00", "2026-06-16T13:00:00Z"),
        ("2026-06-16T09:00", "2026-06-16T13:00:00Z"),
        ("2026-06-16T09:00:00Z", "2026-06-16T09:00:00Z"),
        ("2026-06-16T09:00:00+02:00", "2026-06-16T07:00:00Z"),
    ],
)
def test_plans_by_the_customers_clock_unless_an_offset_is_given(
    caller: Caller, link: str, asked: str, kept: str
) -> None:
    said = read(plan(caller, link, asked), 202)

    assert said["messages"] == []
    assert said["planned"]["send_at"] == kept
    assert said["planned"]["state"] == "waiting"
    assert said["planned"]["link"] == link
    assert not Message.objects.exists()


def test_leaves_at_its_moment(caller: Caller, link: str, frozen: FrozenClock) -> None:
    read(plan(caller, link, "2026-06-16T09:00"), 202)

    frozen.move(hours=26)
    later.send_due()

    (message,) = read(caller.get("messages", link=link))["items"]
    assert (message["kind"], message["channel"]) == ("invitation", "email")


def test_now_plans_nothing(caller: Caller, link: str) -> None:
    said = read(plan(caller, link, None), 202)

    assert len(said["messages"]) == 1
    assert said["planned"] is None


@pytest.mark.parametrize(
    "at",
    [
        "2026-06-15T11:59:00Z",
        "2027-07-01T00:00:00Z",
        "tomorrow",
        "2026-02-30T09:00",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        5,
        ["2026-06-16T09:00"],
    ],
)
def test_refuses_moments_that_cannot_be(caller: Caller, link: str, at: object) -> None:
    refused = problem(plan(caller, link, at), 422)

    assert "send_at" in str(refused)
    assert not PlannedSend.objects.exists()


def test_is_taken_back_once_and_stays_so(
    caller: Caller, link: str, frozen: FrozenClock
) -> None:
    planned = read(plan(caller, link, "2026-06-16T09:00"), 202)["planned"]
    where = f"links/{link}/send/{planned['id']}/cancel"

    first, second = read(caller.post(where, {})), read(caller.post(where, {}))

    assert first["state"] == second["state"] == "taken"
    frozen.move(hours=26)
    assert later.send_due() == 0


def test_what_has_left_is_not_taken_back(
    caller: Caller, link: str, frozen: FrozenClock
) -> None:
    planned = read(plan(caller, link, "2026-06-16T09:00"), 202)["planned"]
    frozen.move(hours=26)
    later.send_due()

    problem(caller.post(f"links/{link}/send/{planned['id']}/cancel", {}), 409)


def test_of_another_link_it_is_not_known(
    caller: Caller, link: str, customer: Customer
) -> None:
    planned = read(plan(caller, link, "2026-06-16T09:00"), 202)["planned"]
    body = {"currency": "EUR", "lines": [{"description": "X", "unit_amount_minor": 5}]}
    other = read(caller.post("links", body), 201)["id"]

    problem(caller.post(f"links/{other}/send/{planned['id']}/cancel", {}), 404)


def test_one_idempotency_key_plans_once(caller: Caller, link: str) -> None:
    body = {"channels": ["email"], "send_at": "2026-06-16T09:00"}

    first = caller.post(f"links/{link}/send", body, once="order-7")
    second = caller.post(f"links/{link}/send", body, once="order-7")

    assert first.json() == second.json()
    assert PlannedSend.objects.count() == 1
