"""The catalogue of bad input: refused with the right answer, nothing stored, no 500."""

import json
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from links.models import PaymentLink
from merchant_portal.lib import strict_json
from merchant_portal.staff.models import ApiRequest

from .client import Caller, pointers, problem

LINE: dict[str, Any] = {"description": "Chair", "unit_amount_minor": 625}
LINK: dict[str, Any] = {"currency": "EUR", "lines": [LINE]}


def with_line(**changes: object) -> dict[str, Any]:
    return {**LINK, "lines": [{**LINE, **changes}]}


def raw(text: str) -> bytes:
    return (
        b'{"currency": "EUR", "lines": [{"description": "Chair", '
        + text.encode()
        + b"}]}"
    )


@pytest.fixture
def refused(caller: Caller) -> Any:
    """Post a link and assert that nothing came of it."""

    def post(body: object) -> Any:
        response = caller.post("links", body, once="k1")
        assert response.status_code < 500
        assert not PaymentLink.objects.exists()
        return response

    return post


@pytest.mark.parametrize(
    "amount",
    [0, -5, 100_000_000_000, "12", "1e5", "1_000", "\uff11\uff12", None, True, [], {}],
)
def test_amounts_that_are_no_amounts(refused: Any, amount: object) -> None:
    body = with_line(unit_amount_minor=amount)

    expected = "/lines" if amount == 0 and amount is not False else None
    found = pointers(refused(body))
    assert found == [expected or "/lines/0/unit_amount_minor"]


@pytest.mark.parametrize("number", ["-0", "0.1", "625.0", "1e5", "1E2", "1e400"])
def test_numbers_that_are_no_integers(refused: Any, number: str) -> None:
    body = raw(f'"unit_amount_minor": {number}')

    assert pointers(refused(body))[0].startswith("/lines")


@pytest.mark.parametrize(
    "text",
    [
        '"unit_amount_minor": NaN',
        '"unit_amount_minor": Infinity',
        '"unit_amount_minor": -Infinity',
        '"unit_amount_minor": 1_000',
        '"unit_amount_minor": 0x10',
        '"unit_amount_minor": 012',
        '"unit_amount_minor": 1' + "0" * 5000,
        '"unit_amount_minor": 5, "unit_amount_minor": 6',
        '"unit_amount_minor": 5, "x": "\\ud800"',
        '"unit_amount_minor": 5, "x": "\\u0000"',
        '"unit_amount_minor": 5, "x": ' + "[" * 21 + "]" * 21,
        '"unit_amount_minor": 5, "x": ' + "[" * 50_000,
    ],
)
def test_bodies_that_are_not_read(refused: Any, text: str) -> None:
    problem(refused(raw(text)), 400)


@pytest.mark.parametrize(
    "quantity",
    ["0", "-1", "1.2345", "1,5", " 1", "1e3", "\uff11", "", 0, -1, [], True],
)
def test_quantities_that_are_none(refused: Any, quantity: object) -> None:
    assert pointers(refused(with_line(quantity=quantity))) == ["/lines/0/quantity"]


@pytest.mark.parametrize("rate", ["100.01", "-1", "7.777", "7,7", "", True, 101, -1])
@pytest.mark.parametrize("name", ["tax_rate", "discount"])
def test_percentages_that_are_none(refused: Any, name: str, rate: object) -> None:
    assert pointers(refused(with_line(**{name: rate}))) == [f"/lines/0/{name}"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"currency": "XXX"}, "/currency"),
        ({"currency": "BTC"}, "/currency"),
        ({"currency": "US$"}, "/currency"),
        ({"currency": "EURO"}, "/currency"),
        ({"currency": 978}, "/currency"),
        ({"currency": None}, "/currency"),
        ({"lines": []}, "/lines"),
        ({"lines": [LINE] * 101}, "/lines"),
        ({"lines": {"0": LINE}}, "/lines"),
        ({"lines": [None]}, "/lines/0"),
        ({"customer": "cus_1"}, "/customer"),
        ({"customer": 1}, "/customer"),
        ({"customer": "cus_00000000000000000000"}, "/customer"),
        ({"due_on": "31.01.2031"}, "/due_on"),
        ({"due_on": "2031-02-30"}, "/due_on"),
        ({"due_on": "2031-1-1"}, "/due_on"),
        ({"due_on": "9999-12-31"}, "/due_on"),
        ({"due_on": 20310131}, "/due_on"),
        ({"expires_at": "2031-01-31T10:00:00"}, "/expires_at"),
        ({"expires_at": "2001-01-31T10:00:00Z"}, "/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "/expires_at"),
        ({"expires_at": 1}, "/expires_at"),
        ({"draft": "true"}, "/draft"),
        ({"draft": 1}, "/draft"),
        ({"reminders": "no"}, "/reminders"),
        ({"status": None}, "/status"),
        ({"lines": None}, "/lines"),
        ({"note": "x" * 2001}, "/note"),
        ({"note": "card 4242-4242-4242-4242"}, "/note"),
        ({"metadata": {"a": 1}}, "/metadata/a"),
        ({"metadata": {"a": {"b": "c"}}}, "/metadata/a"),
        ({"metadata": {str(i): "x" for i in range(21)}}, "/metadata"),
        ({"metadata": {"card": "4242 4242 4242 4242"}}, "/metadata/card"),
        ({"providers": ["nobody"]}, "/providers"),
        ({"providers": "stripe"}, "/providers"),
        ({"status": "paid"}, "/status"),
        ({"merchant": "other"}, "/merchant"),
        ({"is_superuser": True}, "/is_superuser"),
        ({"amount": {"amount_minor": 1, "currency": "EUR"}}, "/amount"),
        ({"__class__": "x"}, "/__class__"),
    ],
)
def test_links_that_cannot_be(
    refused: Any, changes: dict[str, object], pointer: str
) -> None:
    assert pointers(refused({**LINK, **changes})) == [pointer]


@pytest.mark.parametrize(
    "description", ["", "x" * 501, 5, None, "a\nb", "4242424242424242"]
)
def test_descriptions_that_cannot_be(refused: Any, description: object) -> None:
    found = pointers(refused(with_line(description=description)))

    assert found == ["/lines/0/description"]


def test_unknown_names_inside_lines(refused: Any) -> None:
    assert pointers(refused(with_line(total=1))) == ["/lines/0/total"]


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"x"', b"true", b"[{}]"])
def test_bodies_that_are_no_object(refused: Any, body: bytes) -> None:
    problem(refused(body), 422)


@pytest.mark.parametrize("body", [None, b"{", b"{}x", b"\xff\xfe", b"\x00"])
def test_bodies_that_are_no_json(refused: Any, body: bytes | None) -> None:
    problem(refused(body), 422 if body is None else 400)


def test_several_faults_are_told_at_once_but_not_without_end(refused: Any) -> None:
    body = {**LINK, "lines": [{"description": 1, "unit_amount_minor": "x"}] * 50}

    assert len(pointers(refused(body))) == 20


@pytest.mark.parametrize(
    "text",
    [
        "{{ 7*7 }}",
        "{% load admin %}",
        "{0.__class__}",
        "${x}",
        "{link_url}",
        "'; DROP TABLE links_paymentlink; --",
        "<script>alert(1)</script>",
        "O'Brien",
        "Null",
        "😀" * 50,
    ],
)
def test_texts_stay_literally_what_they_are(caller: Caller, text: str) -> None:
    made = caller.post("links", {**with_line(description=text), "note": text}, once="k")

    found = json.loads(made.content)
    assert made.status_code == 201
    assert found["lines"][0]["description"] == text
    assert found["note"] == text
    assert (
        caller.post(
            "links", {**with_line(description=text), "note": text}, once="k"
        ).content
        == made.content
    )


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"name": "a\r\nBcc: b@example.com"}, "/name"),
        ({"email": "a@b.com,c@d.com"}, "/email"),
        ({"email": "x <a@b.com>"}, "/email"),
        ({"email": "a@localhost"}, "/email"),
        ({"email": "a@[127.0.0.1]"}, "/email"),
        ({"email": "x" * 300 + "@b.com"}, "/email"),
        ({"email": "a@b.com\nBcc: c@d.com"}, "/email"),
        ({"phone": "+4412"}, "/phone"),
        ({"phone": "call me"}, "/phone"),
        ({"phone": "+1 900 555 0100"}, "/phone"),
        ({"phone": "+44 20 7946 0018 ext. 5"}, "/phone"),
        ({"phone": 14155550100}, "/phone"),
        ({"language": "xx-unknown"}, "/language"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"country": "Germany"}, "/country"),
        ({"preferred_channel": "pigeon"}, "/preferred_channel"),
        ({"tags": "vip"}, "/tags"),
        ({"tags": [1]}, "/tags/0"),
        ({"external_ref": "x" * 101, "source": "crm"}, "/external_ref"),
        ({"is_sample": True}, "/is_sample"),
        ({"id": "cus_00000000000000000000"}, "/id"),
    ],
)
def test_customers_that_cannot_be(
    caller: Caller, changes: dict[str, object], pointer: str
) -> None:
    response = caller.post("customers", {"name": "Ada", **changes})

    assert pointers(response) == [pointer]
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    "body", [{}, {"channels": []}, {"channels": ["fax"]}, {"channels": "email"}]
)
def test_channels_that_are_none(caller: Caller, body: object) -> None:
    made = json.loads(caller.post("links", LINK).content)

    found = pointers(caller.post(f"links/{made['id']}/send", body))

    assert found[0].startswith("/channels")


@pytest.mark.parametrize(
    ("where", "query"),
    [
        ("links", {"staus": "paid"}),
        ("links", {"status": "payed"}),
        ("links", {"limit": "0"}),
        ("links", {"limit": "101"}),
        ("links", {"limit": "-1"}),
        ("links", {"limit": "5.0"}),
        ("links", {"limit": "\uff11"}),
        ("links", {"limit": "9" * 400}),
        ("links", {"cursor": "1"}),
        ("links", {"cursor": "plk_00000000000000000000"}),
        ("links", {"customer": "' OR 1=1"}),
        ("links", {"_connector": "OR"}),
        ("links", {"order_by": "-id"}),
        ("links", {"number": "\x00"}),
        ("customers", {"q": "x"}),
        ("customers", {"email": "nobody"}),
        ("customers", {"external_ref": "\x00"}),
        ("payments", {"link": "x"}),
        ("messages", {"state": "x"}),
        ("messages", {"channel": "fax"}),
    ],
)
def test_queries_that_are_not_known(
    caller: Caller, where: str, query: dict[str, str]
) -> None:
    found = problem(caller.get(where, **query), 422)

    assert found["errors"][0]["parameter"] == next(iter(query))


def test_a_query_name_that_stands_twice(caller: Caller) -> None:
    response = Client().get(
        "/api/v1/links?status=paid&status=active", headers=caller.headers()
    )

    assert problem(response, 422)["errors"][0]["parameter"] == "status"


@pytest.mark.parametrize(
    "cursor", ["x", "====", "MQ", "bm93fng", "é", "x" * 129, "MjAzMS0wMS0wMX54"]
)
def test_timeline_cursors_that_are_none(caller: Caller, cursor: str) -> None:
    made = json.loads(caller.post("links", LINK).content)

    problem(caller.get(f"links/{made['id']}/timeline", cursor=cursor), 422)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/json; charset=utf-16"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"X-HTTP-Method-Override": "DELETE"}, 400),
        ({"Idempotency-Key": ""}, 400),
        ({"Idempotency-Key": "a b"}, 400),
        ({"Idempotency-Key": "é"}, 400),
        ({"Idempotency-Key": "x" * 256}, 400),
        ({"Content-Length": "262145"}, 413),
        ({"Content-Length": "-1"}, 413),
        ({"Transfer-Encoding": "chunked", "Content-Length": ""}, 411),
    ],
)
def test_headers_that_are_refused(
    caller: Caller, headers: dict[str, str], status: int
) -> None:
    response = Client().generic(
        "POST",
        "/api/v1/links",
        json.dumps(LINK).encode(),
        content_type=headers.get("Content-Type", "application/json"),
        headers=caller.headers(headers),
    )

    problem(response, status)
    assert not PaymentLink.objects.exists()
    assert not ApiRequest.objects.exists()


def test_a_body_that_is_too_large(refused: Any) -> None:
    body = json.dumps({**LINK, "note": "x" * strict_json.MAX_BYTES}).encode()

    problem(refused(body), 413)


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic bXA6eA==", "mp_x", "Bearer mp_x", "Bearer \xe9"],
)
@pytest.mark.django_db
def test_keys_that_are_none(value: str) -> None:
    headers = {"Authorization": value} if value else {}

    response = Client().get("/api/v1/links", headers=headers)

    problem(response, 401)
    assert response["WWW-Authenticate"] == "Bearer"


def test_what_nobody_foresaw_is_a_problem_without_a_trace(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_values: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("links.services.links.create", fail)

    response = caller.post("links", LINK, once="k")

    assert b"secret" not in response.content
    problem(response, 500)
    assert not ApiRequest.objects.exists()
