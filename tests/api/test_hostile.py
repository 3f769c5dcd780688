"""Hundreds of mutilated requests of one seed: refused or done, never a 500."""

import json
import random
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from merchant_portal.lib.problems import CONTENT_TYPE
from merchant_portal.staff.api_auth import window

from .client import Caller

REQUESTS = 400
SEED = 20261123
CUSTOMER: dict[str, Any] = {
    "name": "Ada",
    "email": "ada@example.com",
    "phone": "+14155550100",
    "language": "en",
    "time_zone": "Europe/London",
    "country": "GB",
    "preferred_channel": "email",
    "tags": ["vip"],
    "note": "x",
}
LINK: dict[str, Any] = {
    "currency": "EUR",
    "customer": None,
    "lines": [
        {
            "description": "Chair",
            "quantity": "1.5",
            "unit_amount_minor": 625,
            "discount": "5",
            "tax_rate": 19,
        }
    ],
    "due_on": "2031-01-31",
    "expires_at": "2031-01-31T10:00:00Z",
    "note": "Thanks",
    "metadata": {"a": "b"},
    "providers": [],
    "draft": False,
}
HOSTILE: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**63 - 1, 10**19, [], {}, [[]], [None],
    "", " ", "0", "-1", "1e9", "NaN", "null", "\u202e", "\u200b", "\ufeff", "\x7f", "\x1b[31m",
    "\x85", "\u2028", "a\r\nb", "{{ x }}", "%s", "{0}", "' OR 1=1 --", "<b>", "😀" * 300, "x" * 5000,
    "é" * 200, "Z\u0300" * 250, "١٢٣", "12", "2031-02-30", "0000-00-00", "9999-12-31",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00Z", "2031-01-31T10:00:60Z", "EUR", "eur", "JPY", "KWD",
    "cus_00000000000000000000", "plk_00000000000000000000", "../../x", "a@b.com", "+1", "email", "GB",
]  # fmt: skip


def mutilate(chance: random.Random, value: Any) -> Any:
    """The value with one place in it replaced, removed, doubled or added."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        changed = dict(value)
        if chance.random() < 0.1:
            del changed[name]
        elif chance.random() < 0.1:
            changed[str(chance.choice(HOSTILE))] = chance.choice(HOSTILE)
        else:
            changed[name] = mutilate(chance, value[name])
        return changed
    if isinstance(value, list) and value and chance.random() < 0.8:
        if chance.random() < 0.2:
            return value * chance.choice([2, 60, 200])
        return [mutilate(chance, value[0]), *value[1:]]
    return chance.choice(HOSTILE)


def test_no_mutilated_request_is_a_500(caller: Caller, customer: Customer) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a repeatable test, no secret
    link = json.loads(
        caller.post("links", {**LINK, "customer": customer.public_id}).content
    )["id"]
    seen: dict[int, int] = {}
    for number in range(REQUESTS):
        if number % 100 == 0:
            window.clear()
        method, path, body = chance.choice(
            [
                ("POST", "links", LINK),
                ("POST", "customers", CUSTOMER),
                ("PATCH", f"customers/{customer.public_id}", CUSTOMER),
                ("POST", f"links/{link}/send", {"channels": ["email", "sms"]}),
            ]
        )
        sent = mutilate(chance, body)

        response = caller.send(
            method, path, sent, once=chance.choice(["", f"k{number}"])
        )

        assert response.status_code < 500, (method, path, sent)
        if response.status_code >= 400:
            assert response["Content-Type"] == CONTENT_TYPE
        seen[response.status_code] = seen.get(response.status_code, 0) + 1
    assert {201, 202, 422} <= set(seen)


@pytest.mark.parametrize("where", ["links", "customers", "payments", "messages"])
def test_no_mutilated_query_is_a_500(caller: Caller, where: str) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a repeatable test, no secret
    names = [
        "cursor",
        "limit",
        "link",
        "status",
        "state",
        "email",
        "number",
        "customer",
    ]
    for _ in range(100):
        query = {chance.choice(names): str(chance.choice(HOSTILE))}

        response = Client().get(f"/api/v1/{where}", query, headers=caller.headers())

        assert response.status_code in {200, 422}, query
