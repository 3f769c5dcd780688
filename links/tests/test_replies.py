"""What customers answer: what is kept, how reminders rest, how staff answer."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from links.models import (
    DueState,
    PayerReply,
    PaymentLink,
    ReplyKind,
)
from links.services import (
    pages,
    pauses,
    payments,
    reminder_rules,
    reminding,
    replies,
    sending,
)
from links.services.errors import LinkError
from links.services.replies import Said
from links.services.terms import Terms
from merchant_portal.lib import clock, signing
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message, MessageState
from notifications.services import claims

from .factories import FIXED, make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db
SENT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 10:00 in New York
DUE = date(2026, 3, 7)
# Steps of the default plan: 5 March, 7 March, 14 March, at 10:00 in New York.
PDF = b"%PDF-1.7 proof"
K = ReplyKind


def make_sent(
    due_on: date | None = DUE, channels: tuple[str, ...] = ("email",)
) -> PaymentLink:
    with clock.frozen(SENT):
        link = make_link(make_customer(), due_on=due_on)
        sending.send(link, channels, actor=SYSTEM)
    return link


def give(
    link: PaymentLink, kind: str, text: str = "", *, at: datetime = SENT, **more: Any
) -> PayerReply:
    said = Said(kind, text, **more)
    with clock.frozen(at):
        return replies.give(link, said, is_payable=True)


def days(link: PaymentLink, state: str) -> list[int]:
    """Days of March on which the link has moments of that state."""
    rows = link.reminders_due.filter(state=state).order_by("due_at")
    return [row.due_at.day for row in rows]


def pass_time(link: PaymentLink, *moments: datetime) -> list[str]:
    """What each pass made of the link: the reminders that are queued at its end."""
    for at in moments:
        with clock.frozen(at):
            reminding.enqueue_due()
    found = Message.objects.filter(kind="reminder", reference=link.public_id)
    return [message.state for message in found.order_by("id")]


def at(day: int, hour: int = 15) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


class TestKept:
    def test_as_it_was_said_and_in_the_timeline(self) -> None:
        link = make_sent()

        reply = give(link, K.QUESTION, "  Do you deliver?\r\nOn Saturday?  ")

        assert (reply.kind, reply.text) == ("question", "Do you deliver?\nOn Saturday?")
        assert reply.is_open
        activity = link.activities.get(kind="payer.replied")
        assert activity.actor == "payer"
        assert activity.detail == {
            "reply": reply.public_id,
            "said": "question",
            "text": "Do you deliver?\nOn Saturday?",
        }

    @pytest.mark.parametrize(
        ("said", "field"),
        [
            (Said(""), "kind"),
            (Said("bribe"), "kind"),
            (Said(K.QUESTION), "text"),
            (Said(K.AMOUNT, "  \u200b "), "text"),
            (Said(K.PAID, "x" * 1001), "text"),
            (Said(K.PAID, "a\x00b"), "text"),
            (Said(K.PAID, "My card is 4242 4242 4242 4242"), "text"),
            (Said(K.PROMISE), "promised_on"),
            (Said(K.PROMISE, promised_on=date(2026, 3, 1)), "promised_on"),
            (Said(K.PROMISE, promised_on=date(2026, 6, 1)), "promised_on"),
            (Said(K.PAID, proof=b"<svg/>"), "proof"),
            (Said(K.PAID, proof=PDF + b"0" * 2_000_000), "proof"),
        ],
    )
    def test_what_cannot_be_is_named_and_nothing_is_kept(
        self, said: Said, field: str
    ) -> None:
        link = make_sent()

        with clock.frozen(SENT), pytest.raises(LinkError) as refused:
            replies.give(link, said, is_payable=True)

        assert refused.value.field == field
        assert "4242" not in str(refused.value)
        assert PayerReply.objects.count() == 0

    def test_the_same_form_twice_is_one(self) -> None:
        link = make_sent()

        first = give(link, K.PAID, "By transfer")
        again = give(link, K.PAID, "By transfer", at=SENT + timedelta(minutes=50))
        later = give(link, K.PAID, "By transfer", at=SENT + timedelta(minutes=70))

        assert again == first
        assert later != first
        assert link.activities.filter(kind="payer.replied").count() == 2

    def test_ten_a_day_are_enough(self) -> None:
        link = make_sent()
        for number in range(10):
            give(link, K.QUESTION, f"Are you there? {number}")

        with pytest.raises(replies.TooManyReplies):
            give(link, K.QUESTION, "Hello?")

        give(link, K.QUESTION, "Hello?", at=SENT + timedelta(hours=25))

    @pytest.mark.parametrize(
        ("terms", "is_payable", "offered"),
        [
            (FIXED, True, tuple(K)),
            (FIXED, False, (K.QUESTION,)),
            # nobody would know who wrote
            (Terms(is_reusable=True), True, ()),
        ],
    )
    def test_offers_what_can_be_answered(
        self, terms: Terms, is_payable: bool, offered: tuple[str, ...]
    ) -> None:
        link = make_link(terms=terms)

        assert replies.kinds_for(link, is_payable=is_payable) == offered

    def test_a_receipt_sent_after_the_word_is_kept(self) -> None:
        link = make_sent()
        give(link, K.PAID)
        give(link, K.PAID, proof=PDF, at=SENT + timedelta(minutes=2))

        assert [row.proof_type for row in link.replies.order_by("id")] == ["", "pdf"]

    def test_the_same_words_after_the_answer_are_new(self) -> None:
        link = make_sent()
        with clock.frozen(SENT):
            replies.answer(give(link, K.QUESTION, "When?"), "Soon.", by=make_user())

        assert give(link, K.QUESTION, "When?").is_open

    def test_nothing_is_promised_where_nothing_is_asked(self) -> None:
        link = make_sent()
        said = Said(K.PROMISE, promised_on=DUE)

        with clock.frozen(SENT), pytest.raises(LinkError):
            replies.give(link, said, is_payable=False)


class TestRest:
    def test_reminders_wait_for_the_answer(self) -> None:
        link = make_sent()
        give(link, K.QUESTION, "Why so much?", at=at(4))

        assert pass_time(link, at(5), at(7), at(14, 14)) == []

        # None is lost: all wait, until a shop that never looks has had its time.
        assert days(link, DueState.PLANNED) == [18, 18, 18]

    def test_but_not_for_ever(self) -> None:
        link = make_sent()
        give(link, K.QUESTION, "Why so much?", at=at(4))

        assert pass_time(link, at(5), at(7), at(14, 14), at(18)) == ["queued"]

    def test_another_word_makes_them_wait_on(self) -> None:
        link = make_sent()
        give(link, K.QUESTION, "Why so much?", at=at(4))
        give(link, K.QUESTION, "Hello?", at=at(16))

        assert pass_time(link, at(5), at(18)) == []

    def test_what_waits_to_leave_waits_too(self) -> None:
        link = make_sent()
        assert pass_time(link, at(5)) == ["queued"]

        give(link, K.PAID, at=at(5))

        [message] = Message.objects.filter(kind="reminder")
        assert message.due_at == at(5) + pauses.PATIENCE

    def test_one_that_slipped_through_is_put_off_at_the_claim(self) -> None:
        """The second belt: nothing of it needs the first."""
        link = make_sent()
        pass_time(link, at(5))
        give(link, K.PAID, at=at(5))
        Message.objects.filter(kind="reminder").update(due_at=at(5))

        with clock.frozen(at(5)):
            claimed = claims.claim(100)

        assert [held for held in claimed if held.message.kind == "reminder"] == []
        [message] = Message.objects.filter(kind="reminder")
        assert message.state == MessageState.QUEUED
        assert message.due_at == at(5) + pauses.PATIENCE

    def test_one_that_a_person_sends_goes(self) -> None:
        link = make_sent()
        pass_time(link, at(5))
        give(link, K.PAID, at=at(5))
        Message.objects.filter(kind="reminder").update(due_at=at(5), is_automatic=False)

        with clock.frozen(at(5)):
            kinds = [held.message.kind for held in claims.claim(100)]

        assert "reminder" in kinds

    def test_invitations_and_receipts_go_on(self) -> None:
        link = make_sent()
        give(link, K.QUESTION, "Why?")

        with clock.frozen(at(3)):
            sending.send(link, ["email"], actor=SYSTEM)
            payments.record(make_seen(link))
        with clock.frozen(at(3)):
            kinds = {held.message.kind for held in claims.claim(100)}

        assert "receipt" in kinds

    def test_seen_to_they_go_on_half_a_day_later(self) -> None:
        link = make_sent()
        reply = give(link, K.NOT_ME, at=at(4))
        pass_time(link, at(5))

        with clock.frozen(at(6)):
            replies.close(reply, by=make_user())

        assert pass_time(link, at(6, 20), at(7, 3)) == ["queued"]
        assert days(link, DueState.PLANNED) == [7, 14]

    def test_a_message_that_waited_goes_on_as_well(self) -> None:
        link = make_sent()
        pass_time(link, at(5))
        reply = give(link, K.NOT_ME, at=at(5))

        with clock.frozen(at(6)):
            replies.close(reply, by=make_user())

        [message] = Message.objects.filter(kind="reminder")
        assert message.due_at == at(6) + reminder_rules.BETWEEN_REMINDERS

    def test_of_two_words_both_are_to_be_seen_to(self) -> None:
        link = make_sent()
        first = give(link, K.NOT_ME, at=at(4))
        give(link, K.QUESTION, "Hello?", at=at(4))
        with clock.frozen(at(4)):
            replies.close(first, by=make_user())

        assert pass_time(link, at(5)) == []

    def test_a_moment_that_no_pass_has_seen_is_not_lost(self) -> None:
        link = make_sent()
        reply = give(link, K.QUESTION, "Why?", at=at(4))
        with clock.frozen(at(5, 16)):  # an hour after the step came due
            replies.close(reply, by=make_user())

        assert pass_time(link, at(6, 5)) == ["queued"]

    def test_the_last_step_comes_after_the_answer(self) -> None:
        link = make_sent(None)
        reply = give(link, K.QUESTION, "Why?", at=at(5, 14))
        pass_time(link, at(5))
        with clock.frozen(at(5, 17)):
            replies.close(reply, by=make_user())

        assert pass_time(link, at(6)) == ["queued"]

    def test_a_pass_costs_the_same_for_any_number_of_links(self) -> None:
        def cost(count: int) -> int:
            for _each in range(count):
                give(make_sent(), K.QUESTION, "Why?", at=at(4))
                make_sent()
            with clock.frozen(at(5)), CaptureQueriesContext(connection) as seen:
                reminding.enqueue_due()
            return len(seen)

        assert cost(1) == cost(6)


def test_the_address_of_the_page_is_not_kept_with_the_words() -> None:
    link = make_sent()
    url = pages.url_of(link)

    reply = give(link, K.QUESTION, f"Is {url} from you?")

    assert signing.link_token(link.public_id, 1).token not in reply.text
    assert reply.text.startswith("Is http")
    assert "/p/…/" in reply.text
