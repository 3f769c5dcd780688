"""`manage.py replay_webhook`: kept webhooks are worked on once more."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from links.models import (
    EventState,
    LinkStatus,
    Payment,
    PaymentLink,
    TrainingSession,
    WebhookEvent,
)
from links.providers import training as provider
from links.providers.base import ProviderUnavailable
from links.services import checkouts, inbox, training
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock
from notifications.models import Message

from .factories import make_link

pytestmark = pytest.mark.django_db


def heard() -> tuple[PaymentLink, WebhookEvent]:
    """A link that was paid, and the webhook that says so, not worked on yet."""
    link = make_link()
    checkouts.start(link.pk, "training")
    assert provider.answer(TrainingSession.objects.get(), "approve") is not None
    training.deliver_webhooks()
    return link, WebhookEvent.objects.get()


def replay(*arguments: str) -> str:
    out = StringIO()
    call_command("replay_webhook", *arguments, stdout=out)
    return out.getvalue()


def give_up(event: WebhookEvent) -> None:
    WebhookEvent.objects.filter(pk=event.pk).update(
        state=EventState.DEAD, tries=10, next_try_at=None, last_error="no answer"
    )


def test_one_that_was_given_up_is_booked() -> None:
    link, event = heard()
    give_up(event)

    said = replay(event.event_id)

    assert f"{event.event_id} of training: Done." in said
    link.refresh_from_db()
    assert link.status == LinkStatus.PAID
    assert AuditEntry.objects.filter(action="webhook.tried_again").count() == 1


def test_one_that_was_done_changes_nothing_again() -> None:
    link, event = heard()
    inbox.process(event.pk)
    before = list(Payment.objects.values()), list(Message.objects.values("pk", "kind"))

    for _again in range(3):
        replay(event.event_id, "--provider", "training")

    after = list(Payment.objects.values()), list(Message.objects.values("pk", "kind"))
    assert after == before
    link.refresh_from_db()
    assert link.amount_paid_minor == link.amount_minor
    event.refresh_from_db()
    assert (event.state, event.tries) == (EventState.DONE, 1)


def test_all_that_were_given_up_and_no_other() -> None:
    paid, event = heard()
    give_up(event)
    waiting = WebhookEvent.objects.create(
        account=event.account,
        event_id="evt_waiting",
        body=event.body,
        next_try_at=clock.now(),
        received_at=clock.now(),
    )

    said = replay("--given-up")

    assert event.event_id in said
    assert "evt_waiting" not in said
    paid.refresh_from_db()
    assert paid.status == LinkStatus.PAID
    waiting.refresh_from_db()
    assert waiting.state == EventState.RECEIVED
    assert replay("--given-up") == "No webhook was given up.\n"


def test_one_that_fails_once_more_is_named_and_comes_due_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _link, event = heard()
    give_up(event)

    def silent(*_args: object) -> None:
        raise ProviderUnavailable("No answer.")

    monkeypatch.setattr(provider.TrainingProvider, "fetch_checkout", silent)
    out = StringIO()
    with pytest.raises(CommandError, match=r"^1 could not be worked on"):
        call_command("replay_webhook", event.event_id, stdout=out)

    assert "Received. No answer." in out.getvalue()
    event.refresh_from_db()
    assert (event.state, event.tries) == (EventState.RECEIVED, 1)
    assert event.next_try_at is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Name the events"),
        (("evt_1", "--given-up"), "Name the events"),
        (("evt_none",), "No webhook here is called evt_none"),
        (("evt_none", "--provider", "stripe"), "No webhook here is called evt_none"),
    ],
)
def test_says_what_is_wrong_with_the_question(
    arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        replay(*arguments)
