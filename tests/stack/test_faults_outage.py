"""PostgreSQL goes away and comes back: everybody is told to come again, and work goes on."""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from proofs import http
from proofs.desk import Customer, Desk, link_body
from proofs.outside import STRIPE_SECRET, TWILIO_TOKEN
from proofs.servers import Servers, desks
from proofs.shop import WSGI
from proofs.waiting import eventually

from .told_once import FINAL, copies

pytestmark = [pytest.mark.stack, pytest.mark.full]

PEOPLE = 4
# Several rounds of both sweeps.
OUTAGE_SECONDS = 15.0
RECOVERY_SECONDS = 60.0
SESSION = {"Cookie": f"session={'a' * 32}"}
PLAIN_ERRORS = "tests.stack.with_plain_errors:application"
_numbers = itertools.count(1)


@pytest.fixture
def desk(servers: Servers, tmp_path: Path) -> Iterator[Desk]:
    with desks(servers, tmp_path) as open_desk:
        yield open_desk(f"outage_{next(_numbers)}")
    if not servers.postgres.process.is_running:
        servers.postgres.start()


def stripe_event(desk: Desk) -> http.Answer:
    """What the shop answers to a signed event that nobody sent before."""
    moment = str(int(time.time()))
    event = {
        "id": f"evt_outage{next(_numbers)}",
        "object": "event",
        "type": "customer.created",
        "created": int(moment),
        "livemode": False,
        "data": {"object": {"id": "cus_1", "object": "customer"}},
    }
    body = json.dumps(event).encode()
    signed = hmac.new(
        STRIPE_SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256
    )
    return http.post(
        f"{desk.shop.url}/webhooks/stripe/",
        body=body,
        headers={
            "Content-Type": "application/json",
            "Stripe-Signature": f"t={moment},v1={signed.hexdigest()}",
        },
    )


def twilio_report(desk: Desk) -> http.Answer:
    url = f"{desk.shop.url}/webhooks/twilio/status/"
    form = {"MessageSid": f"SM{'0' * 32}", "MessageStatus": "delivered"}
    signature = RequestValidator(TWILIO_TOKEN).compute_signature(url, form)
    return http.post(url, form, headers={"X-Twilio-Signature": signature})


@dataclass(frozen=True)
class Eve:
    """What there is when the outage begins."""

    people: list[Customer]
    link: dict[str, Any]
    returned: str


def eve_of_outage(desk: Desk, *, app: str = WSGI) -> Eve:
    """People written to but not reached, for no worker runs; one who has just paid."""
    desk.shop.variables["PAY_PAGE_LIMIT_PER_MINUTE"] = "0"
    desk.shop.wait_for_web(desk.shop.web(app=app))
    people = [desk.new_customer() for _ in range(PEOPLE)]
    links = [desk.new_link(customer) for customer in people]
    for link in links:
        desk.send(link)
    return Eve(people, links[0], desk.pay(links[0]["url"]))


def doors(desk: Desk, eve: Eve) -> dict[str, http.Answer]:
    """What each door of the shop answers."""
    shop, page = desk.shop, eve.link["url"]
    return {
        "link": http.get(page),
        "pay": http.post(f"{page}pay/stripe/"),
        "returned": http.get(eve.returned),
        "twilio": twilio_report(desk),
        "admin": http.get(f"{shop.url}/admin/", SESSION),
        "sign-in": http.get(f"{shop.url}/accounts/login/", SESSION),
        "webhook": stripe_event(desk),
        "api read": http.get(f"{shop.url}/api/v1/links", {"Authorization": "Bearer x"}),
        "api write": shop.api_post("links", link_body(eve.people[0]), key="outage"),
        "ready": http.get(f"{shop.url}/readyz"),
        "alive": http.get(f"{shop.url}/healthz"),
    }


def assert_all_say_later(answers: dict[str, http.Answer]) -> None:
    statuses = {name: answer.status for name, answer in answers.items()}
    assert statuses == dict.fromkeys(answers, 503) | {"alive": 200}
    for name, answer in answers.items():
        if name not in ("alive", "ready"):
            assert int(answer.headers["Retry-After"]) > 0, name
        for leak in ("Traceback", "<script", "psycopg", "127.0.0.1:5432"):
            assert leak not in answer.text, name
    for name in ("api read", "api write"):
        assert answers[name].headers["Content-Type"] == "application/problem+json"
        assert answers[name].data["type"].endswith("#unavailable")
    for name in ("link", "pay", "returned"):
        assert "do not pay again" in answers[name].text


def test_an_outage_loses_nothing_and_ends_by_itself(
    desk: Desk, servers: Servers
) -> None:
    eve = eve_of_outage(desk)
    servers.postgres.stop()
    worker, _beat = desk.shop.worker("one"), desk.shop.beat()
    desk.shop.wait_for_worker(worker)

    ends = time.monotonic() + OUTAGE_SECONDS
    while time.monotonic() < ends:
        assert_all_say_later(doors(desk, eve))
        time.sleep(1.0)
    servers.postgres.start()

    desk.shop.wait_for_rows([(0,)], FINAL, within=RECOVERY_SECONDS)
    assert [process.name for process in desk.shop.processes if process.is_running] == [
        "web",
        "one",
        "beat",
    ]
    for customer in eve.people[1:]:
        assert copies(desk, customer) == (1, 1)
    # What was answered with 503 was not done; the same key does it now.
    answer = desk.shop.api_post("links", link_body(eve.people[0]), key="outage")
    assert answer.status == 201
    assert stripe_event(desk).status == 200
    eventually(
        lambda: desk.link(eve.link["id"])["status"] == "paid",
        within=RECOVERY_SECONDS,
        what="Stripe's repeated webhook is booked",
    )
    assert len(desk.payments(eve.link["id"])) == 1
    assert desk.shop.rows("SELECT count(*) FROM links_paymentlink") == [(PEOPLE + 1,)]
    assert desk.findings() == []


def test_control_with_plain_errors_doors_show_a_fault_of_ours(
    desk: Desk, servers: Servers
) -> None:
    eve = eve_of_outage(desk, app=PLAIN_ERRORS)
    servers.postgres.stop()

    answers = doors(desk, eve)

    failed = {name for name, answer in answers.items() if answer.status == 500}
    assert failed == set(answers) - {"alive", "ready"}
