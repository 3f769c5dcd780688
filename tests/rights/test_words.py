"""What pages say: nobody reads addresses or other people's customers who must not."""

import pytest

from .asking import Visitor, ask
from .table import DOORS
from .test_pages import PAGES, form_of, sides_of, url_of
from .world import World

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.mark.parametrize("key", sorted(k for k in PAGES if DOORS[k].see is not None))
def test_says_nothing_that_its_reader_must_not_know(
    world: World, visitors: dict[str, Visitor], key: str
) -> None:
    """An auditor no address and no number; an agent nothing of a colleague's customer."""
    address, door = PAGES[key], DOORS[key]
    own, foreign = world.own, world.foreign
    hidden = {
        "auditor": [own.address, own.mailbox, own.phone, foreign.address],
        "agent": [foreign.name, foreign.address, foreign.mailbox, foreign.phone],
    }
    queries = ["", "?q=zett", "?q=foreigna", "?s=foreigna", "?q=%2B1415555"]
    for name, words in hidden.items():
        for sides in sides_of(door, world):
            url = url_of(address, door, world, sides)
            for query in queries if not door.of else [""]:
                seen = ask(visitors[name], "GET", url + query, form_of(key))
                page = b"".join(iter(seen.response)).decode(errors="replace")
                assert [w for w in words if w in page] == [], f"{name} {url}{query}"
