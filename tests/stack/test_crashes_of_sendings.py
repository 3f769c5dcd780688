"""kill -9 in the middle of a planned send and of a sending to many: each once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from proofs.desk import Customer, Desk
from proofs.servers import Servers, desks

from .test_crashes import Rig

pytestmark = pytest.mark.stack
SMALL = "tests.stack.with_small_chunks"
LINKS = 6


@pytest.fixture(scope="module")
def rig(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with desks(servers, tmp_path_factory.mktemp("sendings")) as open_desk:
        desk = open_desk("sendings")
        web = desk.shop.web()
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        desk.shop.manage("create_owner", "olga@shop.example")
        yield Rig(desk, web)
        assert desk.findings() == []


def start_job(desk: Desk, links: list[str]) -> str:
    """What the screens write when somebody starts a sending to these links."""
    name = f"blk_{len(links)}{datetime.now(tz=UTC):%H%M%S%f}"
    desk.shop.rows(
        "INSERT INTO links_bulksend (public_id, state, way, size, created_by_id,"
        " created_at, started_at) SELECT %s, 'running', 'email', %s, id, now(), now()"
        " FROM staff_user WHERE email = 'olga@shop.example'",
        name,
        len(links),
    )
    for link in links:
        desk.shop.rows(
            "INSERT INTO links_bulkitem (bulk_id, link_id, state, reason, channel)"
            " SELECT bulk.id, link.id, 'waiting', '', ''"
            " FROM links_bulksend bulk, links_paymentlink link"
            " WHERE bulk.public_id = %s AND link.public_id = %s",
            name,
            link,
        )
    return name


def noon_tomorrow() -> str:
    """The CLOCK_OFFSET at which messages that leave by themselves may."""
    now = datetime.now(tz=UTC)
    noon = now.replace(hour=12) + timedelta(days=1)
    return str(int((noon - now).total_seconds()))


def test_worker_dies_in_the_middle_of_a_sending_to_many(rig: Rig) -> None:
    people: list[Customer] = [rig.desk.new_customer() for _ in range(LINKS)]
    made = [rig.desk.new_link(one, reminders=False)["id"] for one in people]
    job = start_job(rig.desk, made)
    offset = noon_tomorrow()

    rig.die_in_worker("bulk.before_commit:2", app=SMALL, CLOCK_OFFSET=offset)
    [(settled,)] = rig.shop.rows(
        "SELECT count(*) FROM links_bulkitem item JOIN links_bulksend bulk"
        " ON bulk.id = item.bulk_id WHERE bulk.public_id = %s AND item.state = 'sent'",
        job,
    )
    assert 0 < settled < LINKS

    with rig.worker(app=SMALL, CLOCK_OFFSET=offset):
        rig.shop.wait_for_rows(
            [("done",)],
            "SELECT state FROM links_bulksend WHERE public_id = %s",
            job,
            within=60,
        )
        for link in made:
            assert rig.settled(link, within=60) == {"invitation email": "sent"}
    for one in people:
        assert len(rig.outside.mails(one.email)) == 1


def test_worker_dies_while_a_planned_send_goes(rig: Rig) -> None:
    customer = rig.desk.new_customer()
    link = rig.desk.new_link(customer, reminders=False)
    soon = datetime.now(tz=UTC) + timedelta(seconds=3)
    answer = rig.shop.api_post(
        f"links/{link['id']}/send",
        {"channels": ["email"], "send_at": f"{soon:%Y-%m-%dT%H:%M:%S}Z"},
    )
    assert answer.status == 202, answer.text
    assert answer.data["messages"] == []

    rig.die_in_worker("send.after_claim")
    assert rig.desk.messages(link["id"]) == []

    with rig.worker():
        rig.shop.wait_for_rows(
            [("gone",)],
            "SELECT state FROM links_plannedsend WHERE public_id = %s",
            answer.data["planned"]["id"],
            within=60,
        )
        assert rig.settled(link["id"], within=60) == {"invitation email": "sent"}
    assert len(rig.outside.mails(customer.email)) == 1
