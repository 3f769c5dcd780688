"""The shop's own words: what a message is made of, versions, and two at once."""

import dataclasses
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from merchant_portal.audit.models import AuditEntry
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.business.services import BusinessError
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from notifications.models import Message, MessageContent, Template
from notifications.services import (
    contents,
    delivery,
    outbox,
    rendering,
    shipped,
    templates,
    testing,
    wording,
)
from notifications.services.rendering import Rendered
from notifications.services.shipped import Words
from notifications.services.templates import Overtaken

from .carriers import FakeCarrier
from .factories import Shop, message

pytestmark = pytest.mark.django_db
MAIL = Words(
    subject="Cake for {amount}",
    body="{greeting}!\n\n{note}\n\nSum | **{amount}**\n\n[Pay {amount}]({link_url})",
)
SMS = Words(text="{business_name}: cake, {amount}, {link_url}")


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER, name="Olga")


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    yield
    wording.forget()


def saved(
    owner: User,
    words: Words = MAIL,
    kind: str = "invitation",
    *,
    language: str = "en",
    seen: int = 0,
) -> Template:
    channel = "email" if words.subject else "sms"
    return templates.save(
        kind, language, {channel: words}, seen={channel: seen}, author=owner
    )[0]


def sent(*rows: Message) -> list[MessageContent]:
    delivery.deliver(delivery.claim(100))
    return [MessageContent.objects.get(message=row) for row in rows]


def test_the_next_message_has_the_words_on_both_channels(
    shop: Shop, carrier: FakeCarrier, owner: User
) -> None:
    saved(owner)
    saved(owner, SMS)

    mail, text = sent(message(1), message(2, channel="sms"))

    assert mail.subject == "Cake for €12.50"
    assert "Pay €12.50:\n{link_url}" in mail.text
    assert "payment request" not in mail.text
    assert 'href="{link_url}"' in mail.html
    assert "{note}" not in mail.html
    assert mail.text.startswith("Hello Ada!\n\nSum: €12.50\n\nPay")
    assert "because My shop asked you" in mail.text
    assert text.text == "My shop: cake, €12.50, {link_url}"


def test_a_message_that_was_written_keeps_its_words(
    shop: Shop, carrier: FakeCarrier, owner: User
) -> None:
    row = message(1)
    contents.prepare([row])
    saved(owner)

    (mail,) = sent(row)

    assert mail.subject.startswith("Your payment of")


def test_other_languages_and_kinds_keep_the_words_of_the_product(
    shop: Shop, carrier: FakeCarrier, owner: User
) -> None:
    saved(owner)
    german = message(1)
    Message.objects.filter(pk=german.pk).update(language="de")

    of_german, receipt = sent(german, message(2, kind="receipt"))

    assert "Zahlung" in of_german.subject
    assert receipt.subject.startswith("Thank you for your payment")


def test_values_are_filled_in_once_and_escaped(
    shop: Shop, carrier: FakeCarrier, owner: User
) -> None:
    shop.values["greeting"] = "<b>{amount}</b> **x** [y](https://evil.example)"
    saved(owner)

    (mail,) = sent(message(1))

    assert mail.text.startswith("<b>{amount}</b> **x** [y](https://evil.example)!")
    assert "&lt;b&gt;{amount}&lt;/b&gt; **x** [y](https://evil.example)!" in mail.html
    assert '<a href="https://evil' not in mail.html


def queries_of_batch(count: int, start: int) -> int:
    rows = [message(start + number) for number in range(count)]
    with CaptureQueriesContext(connection) as asked:
        contents.prepare(rows)
    return len(asked)


def test_a_batch_asks_once_for_own_words_whatever_its_size(
    shop: Shop, owner: User
) -> None:
    without = queries_of_batch(1, 1)
    saved(owner)
    assert queries_of_batch(1, 100) == without + 1, "read for the first time"

    assert queries_of_batch(1, 200) == without
    assert queries_of_batch(120, 1000) == without


def test_within_a_second_nothing_is_asked_again(
    shop: Shop, owner: User, settings: Settings
) -> None:
    settings.KEPT_SECONDS = 1000
    wording.forget()
    wording.current()

    with CaptureQueriesContext(connection) as asked:
        wording.current()

    assert len(asked) == 0
    saved(owner)
    assert wording.current().own, "who saved it sees it at once"


def test_another_process_has_a_new_version_a_second_later(
    owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEPT_SECONDS = 1
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    wording.forget()
    assert wording.current().own == {}
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(wording, "forget", lambda: None)
        row = saved(owner)

    assert wording.current().own == {}, "read less than a second ago"
    now[0] += 1.1
    assert wording.current().own == {("invitation", "email", "en"): row.public_id}


def test_words_that_no_longer_fit_give_way_to_those_of_the_product(
    shop: Shop, carrier: FakeCarrier, owner: User, caplog: Any
) -> None:
    row = saved(owner, dataclasses.replace(MAIL, subject="Cake {of_old}"))

    (mail,) = sent(message(1))

    assert mail.subject.startswith("Your payment of")
    assert f"own words use of_old: {row.public_id}" in caplog.text


def test_versions_count_and_only_the_newest_is_used(owner: User) -> None:
    saved(owner)
    second = saved(owner, dataclasses.replace(MAIL, subject="Bread {amount}"), seen=1)

    used = templates.in_use("invitation", "en")["email"]
    assert (used.version, used.is_own, used.words.subject) == (
        2,
        True,
        "Bread {amount}",
    )
    assert [row.version for row in templates.history("invitation", "en")] == [2, 1]
    assert Template.objects.filter(is_current=True).get() == second
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.object_id) == ("template.changed", second.public_id)


def test_the_product_s_words_come_back_and_the_own_ones_stay_in_the_history(
    shop: Shop, carrier: FakeCarrier, owner: User
) -> None:
    saved(owner)
    templates.reset("invitation", "email", "en", seen=1, author=owner)

    (mail,) = sent(message(1))

    assert mail.subject.startswith("Your payment of")
    used = templates.in_use("invitation", "en")["email"]
    assert (used.version, used.is_own) == (2, False)
    assert used.words == shipped.words("invitation", "email", "en")
    assert Template.objects.get(version=1).body == MAIL.body


def test_typing_the_product_s_words_again_is_the_same_as_going_back(
    owner: User,
) -> None:
    saved(owner)
    row = saved(owner, shipped.words("invitation", "email", "en"), seen=1)

    assert row.is_shipped
    assert templates.own_ones() == {}


def test_own_words_are_put_into_a_new_frame(owner: User) -> None:
    row = saved(owner)
    Template.objects.filter(pk=row.pk).update(html="old frame")

    call_command("compile_mail", "--own", stdout=StringIO())

    before, row = row, Template.objects.get(pk=row.pk)
    assert (row.html, row.plain, row.body) == (before.html, before.plain, MAIL.body)


def test_who_saves_second_is_told_and_changes_nothing(owner: User) -> None:
    other = make_user(Role.MANAGER, name="Mia")
    saved(other)

    with pytest.raises(Overtaken, match="Mia has saved") as told:
        saved(owner, dataclasses.replace(MAIL, subject="Mine {amount}"))

    assert told.value.newest.subject == MAIL.subject
    assert Template.objects.count() == 1


def test_both_channels_are_saved_or_neither(owner: User) -> None:
    saved(owner, SMS)

    with pytest.raises(Overtaken):
        templates.save(
            "invitation",
            "en",
            {"email": MAIL, "sms": dataclasses.replace(SMS, text="x {link_url}")},
            seen={"email": 0, "sms": 0},
            author=owner,
        )

    assert list(Template.objects.values_list("channel", flat=True)) == ["sms"]


def test_control_without_the_version_the_other_s_words_are_lost_unseen(
    owner: User,
) -> None:
    """What the version in the form is for."""
    other = make_user(Role.MANAGER, name="Mia")
    saved(other)
    newest = templates.in_use("invitation", "en")["email"].version

    saved(owner, dataclasses.replace(MAIL, subject="Mine {amount}"), seen=newest)

    assert (
        templates.in_use("invitation", "en")["email"].words.subject == "Mine {amount}"
    )


def test_a_test_goes_to_oneself_as_it_was_typed_and_saves_nothing(
    owner: User, carrier: FakeCarrier
) -> None:
    testing.send(
        Rendered(text="Words", subject="Cake", html="<p>Words</p>"),
        language="en",
        kind="invitation",
        user=owner,
    )

    delivery.deliver(delivery.claim(10))

    (taken,) = carrier.taken
    assert (taken.recipient, taken.subject) == (owner.email, "[Test] Cake")
    assert (taken.text, taken.html) == ("Words", "<p>Words</p>")
    row = Message.objects.get()
    assert (row.kind, row.category, row.state) == ("test_message", "notice", "sent")
    assert Template.objects.count() == 0
    assert AuditEntry.objects.latest("sequence").action == "template.tested"


def test_a_test_can_be_sent_again(owner: User) -> None:
    row = testing.send(Rendered("Words", "Cake"), language="en", kind="x", user=owner)
    Message.objects.filter(pk=row.pk).update(state="failed")
    row.refresh_from_db()

    again = outbox.retry(row, actor=owner.actor())

    assert again is not None
    assert MessageContent.objects.get(message=again).text == "Words"


def test_sender_and_answers_are_the_merchant_s_own(
    shop: Shop, carrier: FakeCarrier
) -> None:
    business_services.update(
        {"name": "Blue Door", "email": "shop@blue.example"}, actor=SYSTEM
    )
    message(1)
    delivery.deliver(delivery.claim(1))
    business_services.update(
        {"sender_name": "Ada at Blue Door", "reply_to": "ada@blue.example"},
        actor=SYSTEM,
    )
    message(2)
    delivery.deliver(delivery.claim(1))

    before, after = carrier.taken
    assert (before.sender, before.reply_to) == (
        "Blue Door <shop@localhost.example>",
        "shop@blue.example",
    )
    assert (after.sender, after.reply_to) == (
        "Ada at Blue Door <shop@localhost.example>",
        "ada@blue.example",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sender_name", "Ada\nBcc: all@example.com"),
        ("sender_name", "Ada\r\nBcc: all@example.com"),
        ("sender_name", "x" * 101),
        ("reply_to", "ada@blue.example\nBcc: all@example.com"),
        ("reply_to", "not an address"),
    ],
)
def test_a_header_cannot_be_smuggled_in(field: str, value: str) -> None:
    with pytest.raises(BusinessError) as refused:
        business_services.update({field: value}, actor=SYSTEM)

    assert refused.value.field == field
    assert getattr(Business.objects.current(), field) == ""


def test_the_example_in_an_sms_is_as_long_as_the_real_one() -> None:
    shown = rendering.sms_of("{business_name} {link_url}", "en", {"business_name": "B"})

    assert shown == f"B {rendering.sample_url()}"
    assert len(rendering.sample_url()) > 22
