"""Redis answers, but takes nothing, or throws away what it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from merchant_portal.lib.queue import PAUSE_SECONDS
from proofs import http
from proofs.cluster import RedisServer
from proofs.desk import Customer, Desk
from proofs.processes import free_port
from proofs.servers import Servers, desks
from proofs.shop import WSGI
from proofs.waiting import eventually

from .told_once import RECOVERY_SECONDS, assert_each_told_once, copies, send_to

pytestmark = [pytest.mark.stack, pytest.mark.full]

PEOPLE = 3
SENDING_SECONDS = 3.0
WEBHOOK_SECONDS = 10.0
CONTROL_SECONDS = 7.0
BALLAST = "ballast"
FRAGILE = "tests.stack.with_fragile_wakeups:application"
Act = Callable[[RedisServer], object]


def client_of(server: RedisServer) -> "redis.Redis":
    return redis.Redis.from_url(server.url(), decode_responses=True)


def fill(server: RedisServer) -> None:
    client = client_of(server)
    client.config_set("maxmemory", "1mb")
    with suppress(redis.OutOfMemoryError):
        while True:
            client.rpush(BALLAST, "x" * 1000)


def make_room(server: RedisServer) -> None:
    client = client_of(server)
    client.config_set("maxmemory", "0")
    client.delete(BALLAST)


def follow(server: RedisServer) -> None:
    client_of(server).replicaof("127.0.0.1", str(free_port()))


def lead(server: RedisServer) -> None:
    client_of(server).replicaof("NO", "ONE")


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def desk(servers: Servers, own_redis: RedisServer, tmp_path: Path) -> Iterator[Desk]:
    with desks(servers, tmp_path) as open_desk:
        desk = open_desk(f"full_{own_redis.port}")
        desk.shop.variables["REDIS_URL"] = own_redis.url()
        yield desk


@dataclass(frozen=True)
class Attempt:
    """Who was sent to, and the link that was paid while Redis took nothing."""

    people: list[Customer]
    paid: str


def work_in_vain(
    desk: Desk, server: RedisServer, spoil: Act, mend: Act, *, app: str = WSGI
) -> Attempt:
    """Send and pay while Redis takes nothing; send to one more a pause after the mending."""
    desk.shop.wait_for_web(desk.shop.web(app=app))
    people = send_to(desk, 1)  # the wake-ups have found Redis
    spoil(server)
    started = time.monotonic()
    people += send_to(desk, PEOPLE)
    assert time.monotonic() - started < PEOPLE * SENDING_SECONDS
    link = desk.new_link(desk.new_customer())
    desk.pay(link["url"])
    assert_webhooks_are_taken(desk)
    mend(server)
    time.sleep(PAUSE_SECONDS + 1.0)
    desk.shop.wait_for_worker(desk.shop.worker("one"))
    client_of(server).delete("celery")
    return Attempt([*people, *send_to(desk, 1)], link["id"])


def assert_webhooks_are_taken(desk: Desk) -> None:
    """Each at Stripe's first try."""
    ledger = desk.outside.stripe.ledger
    eventually(
        lambda: all(each.state != "pending" for each in ledger.deliveries()),
        within=WEBHOOK_SECONDS,
        what="webhooks answered",
    )
    seen = {(each.state, each.tries) for each in ledger.deliveries()}
    assert seen == {("delivered", 1)}


@pytest.mark.parametrize(
    ("spoil", "mend"), [(fill, make_room), (follow, lead)], ids=["full", "replica"]
)
def test_a_redis_that_takes_nothing_only_delays(
    desk: Desk, own_redis: RedisServer, spoil: Act, mend: Act
) -> None:
    seen = work_in_vain(desk, own_redis, spoil, mend)

    assert_each_told_once(desk, seen.people)
    assert "wake-up not sent" in (desk.shop.folder / "web.log").read_text()
    desk.shop.beat()  # whose rounds find the webhooks
    desk.wait_for_status(seen.paid, "paid", within=RECOVERY_SECONDS)
    assert len(desk.payments(seen.paid)) == 1


def test_control_with_fragile_wakeups_nobody_is_woken_any_more(
    desk: Desk, own_redis: RedisServer
) -> None:
    # one process, so that it is the one that met the full Redis
    desk.shop.variables["WEB_WORKERS"] = "1"
    seen = work_in_vain(desk, own_redis, fill, make_room, app=FRAGILE)

    time.sleep(CONTROL_SECONDS)

    assert copies(desk, seen.people[-1]) == (0, 0)


def test_a_redis_that_throws_away_is_told_of(
    desk: Desk, own_redis: RedisServer
) -> None:
    client_of(own_redis).config_set("maxmemory-policy", "allkeys-lru")
    web, worker = desk.shop.web(), desk.shop.worker("one")
    desk.shop.wait_for_web(web)

    reason = http.get(f"{desk.shop.url}/readyz").data["checks"]["broker"]

    assert "maxmemory-policy allkeys-lru" in reason
    for process in (web, worker):
        process.wait_for_line("At the start: the broker drops tasks")
