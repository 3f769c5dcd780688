"""Redis loses what it holds, or comes back with what is long done."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from merchant_portal.staff import second_factor
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import tries
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from proofs.cluster import RedisServer
from proofs.desk import AMOUNT_MINOR, Customer, Desk
from proofs.servers import Servers, desks
from proofs.shop import APP
from proofs.waiting import eventually
from tests.staff.test_sign_in import SECRET, code_now, sign_in

from .told_once import assert_each_told_once, copies, send_to, wait_until_all_final

pytestmark = [pytest.mark.stack, pytest.mark.full]

PEOPLE = 30
STALE = 6
CONTROL_SECONDS = 7.0
DRAIN_SECONDS = 60.0
Blow = Callable[[RedisServer], None]


def flush(server: RedisServer) -> None:
    redis.Redis.from_url(server.url()).flushall()


def kill(server: RedisServer) -> None:
    """It comes back empty."""
    flush(server)
    server.kill()
    server.start()


def waiting(server: RedisServer) -> int:
    """Tasks that wait for a worker or are held by one."""
    client = redis.Redis.from_url(server.url(), decode_responses=True)
    return int(client.llen("celery")) + int(client.hlen("unacked"))


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer(keeps=True) as server:
        yield server


@pytest.fixture
def desk(servers: Servers, own_redis: RedisServer, tmp_path: Path) -> Iterator[Desk]:
    """A shop with a Redis of its own; only its web server is at work."""
    with desks(servers, tmp_path) as open_desk:
        desk = open_desk(f"redis_{own_redis.port}")
        desk.shop.variables["REDIS_URL"] = own_redis.url()
        desk.shop.wait_for_web(desk.shop.web())
        yield desk
        assert desk.findings() == []


@contextmanager
def repeated(blow: Blow, server: RedisServer, *, every: float) -> Iterator[list[float]]:
    """Blows from the side until the block ends, and their moments."""
    over = threading.Event()
    moments: list[float] = []

    def strike() -> None:
        while not over.wait(every):
            blow(server)
            moments.append(time.monotonic())

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        yield moments
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(("blow", "every"), [(flush, 0.1), (kill, 2.0)])
def test_an_emptied_redis_loses_and_doubles_nothing(
    desk: Desk, own_redis: RedisServer, blow: Blow, every: float
) -> None:
    for name in ("one", "two"):
        desk.shop.wait_for_worker(desk.shop.worker(name))
    desk.shop.beat()

    with repeated(blow, own_redis, every=every) as blows:
        people = send_to(desk, PEOPLE)

    assert len(blows) > 1
    assert_each_told_once(desk, people)


def test_control_without_a_sweep_what_redis_held_is_never_sent(
    desk: Desk, own_redis: RedisServer
) -> None:
    people = send_to(desk, 2)
    eventually(lambda: waiting(own_redis) == 2, within=30.0, what="two wake-ups")
    flush(own_redis)

    desk.shop.wait_for_worker(desk.shop.worker("one"))
    time.sleep(CONTROL_SECONDS)
    before = [copies(desk, customer) for customer in people]
    desk.shop.beat()

    assert before == [(0, 0)] * len(people)
    assert_each_told_once(desk, people)


def bring_back_old_tasks(
    desk: Desk, server: RedisServer, folder: Path, *, app: str = APP
) -> tuple[list[Customer], list[str]]:
    """Redis is killed and comes back as it was before all its work was done.

    Returns who was written to, and the links of others who had paid.
    """
    people = send_to(desk, STALE)
    paid = [desk.new_link(desk.new_customer()) for _ in range(STALE)]
    for link in paid:
        desk.pay(link["url"])
    desk.shop.wait_for_rows(
        [(STALE,)],
        "SELECT count(*) FROM links_webhookevent"
        " WHERE kind = 'checkout.session.completed'",
    )
    # One for each that was sent to, and for the paid ones at least one.
    eventually(lambda: waiting(server) > STALE, within=30.0, what="tasks waiting")
    server.copy_file(folder / "old")
    workers = [desk.shop.worker(name, app=app) for name in ("one", "two")]
    for worker in workers:
        desk.shop.wait_for_worker(worker)
    for link in paid:
        desk.wait_for_status(link["id"], "paid", within=DRAIN_SECONDS)
    eventually(lambda: waiting(server) == 0, within=DRAIN_SECONDS, what="all done")

    for worker in workers:
        worker.pause()  # so that the old tasks are seen before they are taken
    server.start_from(folder / "old")
    assert waiting(server) > STALE
    for worker in workers:
        worker.resume()

    def is_drained() -> bool:
        desk.shop.revive()
        return waiting(server) == 0

    eventually(is_drained, within=DRAIN_SECONDS, every=0.5, what="old tasks taken")
    return people, [link["id"] for link in paid]


def test_tasks_of_an_old_redis_find_nothing_to_do(
    desk: Desk, own_redis: RedisServer, tmp_path: Path
) -> None:
    people, paid = bring_back_old_tasks(desk, own_redis, tmp_path)

    assert_each_told_once(desk, people)
    for link in paid:
        [payment] = desk.payments(link)
        assert payment["amount"]["amount_minor"] == AMOUNT_MINOR
        assert desk.timeline(link).count("payment.succeeded") == 1


def test_control_with_forgetful_claims_old_tasks_send_again(
    desk: Desk, own_redis: RedisServer, tmp_path: Path
) -> None:
    people, _paid = bring_back_old_tasks(
        desk, own_redis, tmp_path, app="tests.stack.with_forgetful_claims"
    )

    wait_until_all_final(desk)
    assert max(copies(desk, customer)[0] for customer in people) > 1


# What sign-in remembers.


@pytest.fixture
def staff(on_postgresql: None) -> User:
    return make_user(Role.AGENT, email="ann@shop.example", password=PASSWORD)


@pytest.fixture
def _remembered_in_redis(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tries and used codes are counted there, as a cache would."""
    client = redis.Redis.from_url(own_redis.url(1))

    def take(*wanted: tuple[tries.Limit, str]) -> None:
        for limit, who in wanted:
            if int(client.incr(f"{limit.kind}:{who}")) > limit.most:
                raise tries.TooManyTries(limit.window)

    def use_up(authenticator: Authenticator, code: str) -> bool:
        return bool(client.set(f"{authenticator.pk}:{code}", 1, nx=True))

    monkeypatch.setattr(tries, "take", take)
    monkeypatch.setattr(second_factor, "use_up", use_up)


def opens_after_five_wrong_passwords(user: User, server: RedisServer) -> bool:
    for _try in range(5):
        assert sign_in(Client(), user.email, f"wrong {PASSWORD}") == ""
    assert sign_in(Client(), user.email, PASSWORD) == ""

    flush(server)

    return sign_in(Client(), user.email, PASSWORD) != ""


def opens_twice_with_one_code(user: User, server: RedisServer) -> bool:
    TOTP.activate(user, SECRET)
    code = code_now()
    opened = []
    for _try in range(2):
        client = Client()
        sign_in(client, user.email, PASSWORD)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        opened.append(client.get("/admin/").status_code == 200)
        flush(server)
    assert opened[0]
    return opened[1]


def test_the_limit_of_sign_ins_survives_an_emptied_redis(
    staff: User, own_redis: RedisServer
) -> None:
    assert not opens_after_five_wrong_passwords(staff, own_redis)


@pytest.mark.usefixtures("_remembered_in_redis")
def test_control_a_limit_kept_in_redis_is_forgotten(
    staff: User, own_redis: RedisServer
) -> None:
    assert opens_after_five_wrong_passwords(staff, own_redis)


def test_a_used_code_stays_used_when_redis_is_emptied(
    staff: User, own_redis: RedisServer
) -> None:
    assert not opens_twice_with_one_code(staff, own_redis)


@pytest.mark.usefixtures("_remembered_in_redis")
def test_control_a_used_code_kept_in_redis_opens_again(
    staff: User, own_redis: RedisServer
) -> None:
    assert opens_twice_with_one_code(staff, own_redis)
