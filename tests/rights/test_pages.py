"""Every address of the back-office by every role, for own and for foreign things.

The addresses come from the resolver, what is expected from table.py and the roles.
"""

import pytest
from django.urls import reverse

from . import walk
from .asking import Seen, Visitor, ask, expected
from .table import DOORS, ELSEWHERE, OF_OWNER, SIDE_DOORS, Door
from .world import Side, World

pytestmark = [pytest.mark.django_db, pytest.mark.once]
FILLED = {
    "slug": "stripe",
    "kind": "invitation",
    "language": "en",
    "name": "payments",
    "act": "pause",
}
"""What an address holds beside keys of objects."""
KEYS = {"pk", "object_id", "reply_pk", "task_pk", "plan_pk"}
DIALOGS = {
    "admin:staff_apikey_revoke",
    "admin:staff_user_forget_phone",
    "admin:staff_user_send_link",
    "admin:staff_user_sign_out",
}
"""Unfold shows these by GET and by a POST without this field."""
FORMS = {
    "admin:links_paymentlink_customer_reminders": {"act": "resume"},
    "admin:notifications_template_restore": {"channel": "email", "seen": "0"},
}
"""Without these there would be nothing to do, and 404 is the answer."""
PAGES = {each.key: each for each in walk.of_the_admin() if each.key in DOORS}


def form_of(key: str) -> dict[str, str]:
    """What a POST holds: nothing, unless that would not be an act."""
    if key in DIALOGS:
        return {"_form_submitted": "True"}
    return FORMS.get(key, {})


def url_of(address: walk.Address, door: Door, world: World, sides: list[Side]) -> str:
    """`sides`: whose things each of its keys is a key of."""
    keys = iter(zip(door.of, sides, strict=True))
    filled = {
        name: world.key(*next(keys)) if name in KEYS else FILLED[name]
        for name in address.parameters
    }
    return reverse(address.key, kwargs=filled)


def sides_of(door: Door, world: World) -> list[list[Side]]:
    """All own; all foreign; and foreign ones under what is one's own."""
    count = len(door.of)
    found = [[world.own] * count]
    if any(label in world.foreign.objects for label in door.of):
        found.append([world.foreign] * count)
    if count > 1:
        found.append([world.own, *[world.foreign] * (count - 1)])
    return found


def problems(
    asked: str, door: Door, method: str, seen: Seen, wanted: set[str]
) -> list[str]:
    """Another answer than was expected; a GET or a refusal that changed something; a
    file of rows that is no export by the table."""
    found = []
    if seen.what not in wanted:
        found.append(f"{asked}: {seen.what}, not {' or '.join(sorted(wanted))}")
    if seen.changed and (method == "GET" or seen.what != "shown"):
        found.append(f"{asked}: wrote {seen.changed[0][:80]}")
    if seen.is_export and not door.is_export(method):
        found.append(f"{asked}: answers with a file of rows")
    return found


def test_every_address_of_the_back_office_is_declared() -> None:
    told = set(DOORS) | ELSEWHERE | SIDE_DOORS
    found = {
        address.key
        for address in walk.of_the_admin()
        if address.key != address.route  # the others only lead to one with a name
    }

    assert sorted(found - told) == [], "Name in table.py what right each needs."
    assert sorted(told - found) == [], "These are gone: take them out of table.py."


@pytest.mark.parametrize("key", sorted(PAGES))
def test_answers_to_the_table(
    world: World, visitors: dict[str, Visitor], key: str
) -> None:
    address, door = PAGES[key], DOORS[key]
    wrong = []
    for sides in sides_of(door, world):
        url = url_of(address, door, world, sides)
        is_nowhere = not all(map(world.has, door.of))
        is_mixed = is_nowhere or len({side.name for side in sides}) > 1
        is_foreign = world.foreign in sides and bool(OF_OWNER & set(door.of))
        for visitor in visitors.values():
            is_hidden = is_mixed or (is_foreign and not visitor.sees_all())
            for method in ("GET", "POST"):
                seen = ask(visitor, method, url, form_of(key))
                wanted = expected(door, visitor, method, is_hidden=is_hidden)
                asked = f"{visitor.name} {method} {url}"
                wrong += problems(asked, door, method, seen, wanted)

    assert wrong == []


@pytest.mark.parametrize("key", sorted(key for key in PAGES if DOORS[key].proof))
def test_asks_again_who_one_is(
    world: World, visitors: dict[str, Visitor], key: str
) -> None:
    """An hour after the sign-in; who lacks the right is refused before anything."""
    address, door = PAGES[key], DOORS[key]
    url = url_of(address, door, world, [world.own] * len(door.of))
    wrong = []
    for visitor in visitors.values():
        if visitor.role is None:
            continue
        with visitor.an_hour_later():
            for method in sorted(door.proof):
                seen = ask(visitor, method, url, form_of(key))
                is_allowed = visitor.may(door.needed(method) or frozenset())
                wanted = {"prove"} if is_allowed else {"refused"}
                asked = f"{visitor.name} {method} {url}"
                wrong += problems(asked, door, method, seen, wanted)

    assert wrong == []
