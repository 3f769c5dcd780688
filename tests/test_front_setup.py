"""The list that leads through setting up: each line knows what really works."""

from typing import Any

import pytest
from django.test import Client

from links.models import ProviderAccount
from links.services import lifeline
from links.services.lifeline import Lifeline, Trouble
from links.tests.factories import make_customer, make_link, make_user
from merchant_portal import front_setup
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageState

pytestmark = pytest.mark.django_db
TEST, CLOSE = "/admin/front/test-mail/", "/admin/front/setup-closed/"


@pytest.fixture(autouse=True)
def _settings(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    settings.EMAIL_CAPTURED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def step(user: User, title: str) -> front_setup.Step:
    setup: list[front_setup.Step] = signed_in(user).get("/admin/").context["setup"]
    return {one.title: one for one in setup}[title]


def profile(**changes: Any) -> None:
    Business.objects.current()
    Business.objects.update(**changes)


def test_an_empty_shop_has_everything_to_do(owner: User) -> None:
    found = signed_in(owner).get("/admin/").context["setup"]

    assert [one.title for one in found] == [
        "Say who you are",
        "Add your logo",
        "Connect a provider",
        "Send yourself a test mail",
        "Make a payment link",
    ]
    assert not any(one.is_done for one in found)


def test_profile_logo_and_link_are_done_when_they_are_there(owner: User) -> None:
    profile(name="Café Morgenrot")
    assert not step(owner, "Say who you are").is_done

    profile(address="Allee 1", logo_sha256="a" * 64)
    make_link(make_customer())

    assert step(owner, "Say who you are").is_done
    assert step(owner, "Add your logo").is_done
    assert step(owner, "Make a payment link").is_done


def lines(**changes: Any) -> list[Lifeline]:
    account = ProviderAccount.objects.get_or_create(slug="stripe", mode="live")[0]
    now = clock.now()
    facts = {"last_heard": now, "last_swept": now, "trouble": Trouble.NONE}
    return [Lifeline(account, "Stripe", problem="", **{**facts, **changes})]


@pytest.mark.parametrize(
    ("changes", "is_done", "said"),
    [
        ({}, True, "webhook heard on"),
        ({"last_heard": None}, False, "the keys work, asked on"),
        ({"last_heard": None}, False, "no webhook heard yet"),
        ({"last_swept": None}, False, "it has not answered yet"),
        ({"trouble": Trouble.HELD}, False, "it has not answered yet"),
    ],
)
def test_a_provider_is_done_when_it_answered_and_was_heard(
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    is_done: bool,
    said: str,
) -> None:
    monkeypatch.setattr(lifeline, "lifelines", lambda: lines(**changes))

    found = step(owner, "Connect a provider")

    assert (found.is_done, said in found.text) == (is_done, True), found.text


def test_keys_that_do_not_work_are_told_in_the_providers_words(owner: User) -> None:
    told = lines(trouble=Trouble.REFUSED)[0]
    refused = Lifeline(
        told.account,
        told.title,
        told.last_heard,
        told.last_swept,
        Trouble.REFUSED,
        "Invalid API Key",
    )

    found = front_setup._provider([refused], clock.now().tzinfo)  # type: ignore[arg-type]

    assert "the keys do not work: Invalid API Key" in found.text
    assert not found.is_done


def test_a_test_mail_goes_to_who_asks_and_is_done_when_it_was_taken(
    owner: User,
) -> None:
    client = signed_in(owner)

    assert client.get(TEST).status_code == 405
    assert client.post(TEST)["Location"] == "/admin/"
    message = Message.objects.get()
    assert (message.recipient, message.kind) == (owner.email, "test_message")
    assert step(owner, "Send yourself a test mail").text == "It is on its way."

    Message.objects.update(state=MessageState.SENT, sent_at=clock.now())
    assert step(owner, "Send yourself a test mail").is_done
    Message.objects.update(state=MessageState.BOUNCED, last_error="No such user")
    came_back = step(owner, "Send yourself a test mail")
    assert (came_back.is_done, came_back.can_test) == (False, True)
    assert "No such user" in came_back.text


def test_kept_mails_are_not_taken_for_sent_ones(owner: User, settings: Any) -> None:
    settings.EMAIL_CAPTURED = True
    signed_in(owner).post(TEST)
    Message.objects.update(state=MessageState.CAPTURED)

    found = step(owner, "Send yourself a test mail")

    assert (found.is_done, "EMAIL_URL" in found.text) == (False, True)


def test_the_list_can_be_put_away_and_that_is_recorded(owner: User) -> None:
    client = signed_in(owner)

    assert client.get(CLOSE).status_code == 405
    client.post(CLOSE)
    client.post(CLOSE)

    assert client.get("/admin/").context["setup"] == []
    acts = AuditEntry.objects.filter(action="business.setup_closed")
    assert acts.count() == 1


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.AUDITOR])
def test_only_who_sets_up_sees_it(role: Role) -> None:
    client = signed_in(make_user(role))

    assert not client.get("/admin/").context.get("setup")
    assert client.post(TEST).status_code == 403
    assert client.post(CLOSE).status_code == 403
    assert not Message.objects.exists()
