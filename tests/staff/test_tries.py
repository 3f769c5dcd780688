"""How often one may try to get in, and what the page says to who tried too often."""

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.test import Client

from conftest import NOON, FrozenClock
from merchant_portal.staff import second_factor
from merchant_portal.staff.models import Tries, User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import people
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from notifications.models import Message

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN, RESET = "/accounts/login/", "/accounts/password/reset/"
CODE = "/accounts/2fa/authenticate/"
WRONG = "wrong " + PASSWORD


@pytest.fixture
def agent() -> User:
    return make_user(Role.AGENT, email="ann@shop.example", password=PASSWORD)


def attempt(client: Client, email: str, password: str, network: str = "") -> str:
    """Where the sign-in form leads to, or else the page with the refusal."""
    answer = client.post(
        LOGIN,
        {"login": email, "password": password},
        REMOTE_ADDR=network or "192.0.2.1",
    )
    return answer.headers.get("Location") or answer.content.decode()


def wait_in(page: str) -> str:
    return page.partition("Please try again in ")[2].partition(".")[0]


def fail(client: Client, email: str, times: int, network: str = "") -> None:
    for _each in range(times):
        assert wait_in(attempt(client, email, WRONG, network)) == ""


def test_sixth_try_waits_until_the_first_is_15_minutes_old(
    client: Client, agent: User, frozen: FrozenClock
) -> None:
    for _each in range(5):
        fail(client, agent.email, 1)
        frozen.move(minutes=2)

    page = attempt(client, agent.email, PASSWORD)  # ten minutes after the first

    assert wait_in(page) == "5 minutes"
    assert 'value="ann@shop.example"' in page
    frozen.move(minutes=4, seconds=59)
    assert wait_in(attempt(client, agent.email, PASSWORD)) == "1 minute"
    frozen.move(seconds=1)
    assert attempt(client, agent.email, PASSWORD) == "/admin/"


def test_tries_that_were_refused_make_nobody_wait_longer(
    client: Client, agent: User, frozen: FrozenClock
) -> None:
    fail(client, agent.email, 5)
    for _each in range(14):
        frozen.move(minutes=1)
        assert wait_in(attempt(client, agent.email, WRONG))

    frozen.move(minutes=1)
    assert attempt(client, agent.email, PASSWORD) == "/admin/"


def test_unknown_address_gets_the_same_words(client: Client, agent: User) -> None:
    pages = []
    for email in (agent.email, "eve@shop.example"):
        said = [attempt(client, email, WRONG) for _each in range(6)]
        pages.append([text.replace(email, "…").split("<form")[1] for text in said])

    known, unknown = pages
    token = "csrfmiddlewaretoken"
    assert [t.split(token)[0] for t in known] == [t.split(token)[0] for t in unknown]
    assert wait_in(attempt(client, "eve@shop.example", WRONG))


def test_upper_case_and_spaces_are_no_second_account(
    client: Client, agent: User
) -> None:
    fail(client, agent.email, 5)

    assert wait_in(attempt(client, " ANN@Shop.Example ", PASSWORD))


def test_right_sign_in_makes_up_for_the_wrong_ones(client: Client, agent: User) -> None:
    fail(client, agent.email, 4)
    assert attempt(client, agent.email, PASSWORD) == "/admin/"
    client.post("/accounts/logout/")

    fail(client, agent.email, 4)
    assert attempt(client, agent.email, PASSWORD) == "/admin/"


def test_network_waits_after_twenty_accounts(
    client: Client, agent: User, frozen: FrozenClock
) -> None:
    for number in range(20):
        fail(client, f"user{number}@shop.example", 1)

    assert wait_in(attempt(client, agent.email, PASSWORD)) == "15 minutes"
    assert attempt(client, agent.email, PASSWORD, "192.0.2.9") == "/admin/"


def test_own_account_does_not_clear_the_way_to_others(
    client: Client, agent: User
) -> None:
    for number in range(19):
        fail(client, f"user{number}@shop.example", 1)
    assert attempt(client, agent.email, PASSWORD) == "/admin/"
    client.post("/accounts/logout/")
    fail(client, "user19@shop.example", 1)

    assert wait_in(attempt(client, "user20@shop.example", WRONG))


def test_new_password_opens_at_once(client: Client, agent: User) -> None:
    fail(client, agent.email, 5)
    address = people.password_address(agent).removeprefix("http://127.0.0.1:8000")
    form = client.get(address).headers["Location"]
    fresh = "a wholly different sentence"
    client.post(form, {"password1": fresh, "password2": fresh})

    assert attempt(client, agent.email, fresh) == "/admin/"


def test_old_password_is_not_guessed_from_within(client: Client, agent: User) -> None:
    client.force_login(agent)
    fresh = "a wholly different sentence"
    form = {"oldpassword": WRONG, "password1": fresh, "password2": fresh}
    for _each in range(5):
        client.post("/accounts/password/change/", form)

    form["oldpassword"] = PASSWORD
    page = client.post("/accounts/password/change/", form).content.decode()

    assert wait_in(page)
    agent.refresh_from_db()
    assert agent.check_password(PASSWORD)


@pytest.mark.parametrize("email", ["ann@shop.example", "nobody@shop.example"])
def test_fourth_mail_for_a_new_password_waits(
    client: Client, agent: User, frozen: FrozenClock, email: str
) -> None:
    for _each in range(3):
        assert client.post(RESET, {"email": email}).status_code == 302
        frozen.move(minutes=10)

    page = client.post(RESET, {"email": email.upper()}).content.decode()

    assert wait_in(page) == "30 minutes"
    assert f'value="{email.upper()}"' in page
    assert Message.objects.count() == (3 if email == agent.email else 0)
    frozen.move(minutes=30)
    assert client.post(RESET, {"email": email}).status_code == 302


# The second factor.


def code_at(offset: int = 0) -> str:
    """Of the authenticator app; `offset`: so many steps of 30 s from now."""
    now = list(yield_hotp_counters_from_time())[1]
    return str(format_hotp_value(hotp_value(SECRET, now + offset)))


def enter(client: Client, agent: User, code: str) -> str:
    attempt(client, agent.email, PASSWORD)
    answer = client.post(CODE, {"code": code})
    return answer.headers.get("Location") or answer.content.decode()


def test_sixth_code_waits_in_every_session(agent: User, frozen: FrozenClock) -> None:
    TOTP.activate(agent, SECRET)
    for _each in range(5):
        assert wait_in(enter(Client(), agent, "000000")) == ""

    assert wait_in(enter(Client(), agent, code_at())) == "15 minutes"
    frozen.move(minutes=15)
    assert enter(Client(), agent, code_at()) == "/admin/"


def test_right_code_makes_up_for_the_wrong_ones(agent: User) -> None:
    TOTP.activate(agent, SECRET)
    for offset in (0, 1):
        for _each in range(4):
            enter(Client(), agent, "000000")
        assert enter(Client(), agent, code_at(offset)) == "/admin/"


def test_code_opens_once_as_long_as_it_is_valid(agent: User) -> None:
    """Valid for 90 seconds, because clocks differ."""
    TOTP.activate(agent, SECRET)
    with time_machine.travel(NOON, tick=False) as machine:
        code = code_at(1)
        assert enter(Client(), agent, code) == "/admin/"
        for _each in range(2):
            machine.shift(30)
            assert enter(Client(), agent, code) != "/admin/"
            assert enter(Client(), agent, code_at(-1)) != "/admin/"

        machine.shift(30)
        assert enter(Client(), agent, code_at()) == "/admin/"


def test_code_of_an_app_removed_meanwhile_opens_nothing(agent: User) -> None:
    app = TOTP.activate(agent, SECRET).instance
    Authenticator.objects.all().delete()

    assert second_factor.use_up(app, code_at()) is False


# The rows.


def test_rows_name_nobody_and_old_ones_go(
    client: Client, agent: User, frozen: FrozenClock
) -> None:
    fail(client, "eve@shop.example", 3)
    kept = repr(list(Tries.objects.values_list()))
    assert "eve" not in kept
    assert "192.0.2" not in kept
    assert Tries.objects.count() == 2

    frozen.move(minutes=61)
    attempt(client, agent.email, PASSWORD)

    assert list(Tries.objects.values_list("kind", "times")) == [("network", [])]
