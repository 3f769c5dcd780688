"""The web server's answer is lost on its way; the client asks the same again."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from proofs import http
from proofs.desk import Desk, link_body
from proofs.proxy import Proxy
from proofs.servers import Servers, desks

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def desk(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desks(servers, tmp_path_factory.mktemp("answers")) as open_desk:
        desk = open_desk("answers")
        desk.shop.wait_for_web(desk.shop.web())
        yield desk


def ask_twice(desk: Desk, *, key: str) -> tuple[http.Answer, list[str]]:
    """Ask for a link, lose the answer, ask again: that answer, and the links there are."""
    customer = desk.new_customer()
    body = link_body(customer)
    with Proxy(desk.shop.port) as proxy:
        client = replace(desk.shop, port=proxy.port)
        proxy.lose_answers(b"POST /api/v1/links", times=1)
        with pytest.raises(http.Hung):
            client.api_post("links", body, key=key)
        assert proxy.lost_answers == 1
        second = client.api_post("links", body, key=key)
    links = desk.shop.api_get(f"links?customer={customer.id}")["items"]
    return second, [link["id"] for link in links]


def test_with_its_key_the_repeat_is_told_of_the_one_link(desk: Desk) -> None:
    second, links = ask_twice(desk, key="order-1")

    assert (second.status, [second.data["id"]]) == (201, links)


def test_control_without_a_key_the_repeat_makes_another(desk: Desk) -> None:
    second, links = ask_twice(desk, key="")

    assert second.status == 201
    assert len(links) == 2
