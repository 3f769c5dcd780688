"""Two at once on PostgreSQL: every effect happens once, whoever comes first."""

import json
from functools import partial

import pytest
from django.db import transaction

from links.models import (
    Activity,
    DailyTotal,
    LinkStatus,
    Measure,
    NumberSeries,
    Payment,
    PaymentLink,
    TrainingPayment,
    TrainingSession,
    WebhookEvent,
)
from links.providers import training
from links.services import checkouts, inbox, links
from links.services.amounts import LineData
from links.services.errors import LinkConflict
from links.services.links import LinkData
from links.tests.factories import make_customer, make_link
from merchant_portal.lib.actors import SYSTEM
from notifications.models import Message

from .threads import all_well, together

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]

ROUNDS = 6


def paid_at_training() -> tuple[PaymentLink, TrainingPayment]:
    """A link whose customer has just paid; nobody has told us yet."""
    link = make_link(make_customer())
    checkouts.start(link.pk, "training")
    session = TrainingSession.objects.get(link_reference=link.public_id)
    payment = training.answer(session, "approve")
    assert payment is not None
    return link, payment


def receive_and_process(payment: TrainingPayment, number: int) -> None:
    """A repeat works on the event, too, as a second wake-up would."""
    headers, body = training.webhook(payment, number)
    inbox.receive("training", headers, body)
    event_id = json.loads(body)["id"]
    inbox.process(WebhookEvent.objects.get(event_id=event_id).pk)


def test_two_webhooks_and_the_return_page_book_once() -> None:
    for _round in range(ROUNDS):
        link, payment = paid_at_training()
        return_page = partial(checkouts.settle, link.checkouts.get().pk)

        all_well(
            [
                partial(receive_and_process, payment, 1),
                partial(receive_and_process, payment, 1),
                partial(receive_and_process, payment, 2),
                return_page,
                return_page,
            ]
        )

        link.refresh_from_db()
        assert link.status == LinkStatus.PAID
        assert link.amount_paid_minor == 1250
        assert link.payments.count() == 1
        booked = Activity.objects.filter(link=link, kind="payment.succeeded")
        assert booked.count() == 1
        receipts = Message.objects.filter(reference=link.public_id, kind="receipt")
        assert receipts.count() == len({row.channel for row in receipts})
        assert receipts.exists()
    assert WebhookEvent.objects.count() == 2 * ROUNDS
    assert not WebhookEvent.objects.exclude(state="done").exists()
    total = DailyTotal.objects.get(measure=Measure.PAID)
    assert (total.count, total.amount_minor) == (ROUNDS, 1250 * ROUNDS)
    assert Payment.objects.count() == ROUNDS


def test_twenty_submits_of_one_form_make_one_link() -> None:
    data = LinkData(
        customer=make_customer(),
        currency="EUR",
        lines=(LineData("Birthday cake", 1250),),
        creation_key="form-7",
    )

    made = all_well([partial(links.create, data, actor=SYSTEM)] * 20)

    assert PaymentLink.objects.count() == 1
    assert len({link.pk for link in made}) == 1
    assert NumberSeries.objects.get().last == 1


def make_some_links() -> None:
    """Four that stay and two whose transaction comes to nothing."""
    for number in range(6):
        with transaction.atomic():
            make_link()
            transaction.set_rollback(number % 3 == 2)


def test_numbers_have_no_gap_and_no_double() -> None:
    all_well([make_some_links] * 8)

    numbers = sorted(str(link.number) for link in PaymentLink.objects.all())
    year = numbers[0][3:7]
    assert numbers == [f"PL-{year}-{n:06d}" for n in range(1, 33)]


def edit(link: PaymentLink, text: str) -> str:
    links.edit(
        link,
        due_on=None,
        expires_at=None,
        note_text=text,
        version=link.version,
        actor=SYSTEM,
    )
    return text


def test_of_two_people_editing_one_link_one_is_told() -> None:
    for _round in range(ROUNDS):
        link = PaymentLink.objects.get(pk=make_link().pk)
        copies = [PaymentLink.objects.get(pk=link.pk) for _person in range(2)]

        results = together(
            [partial(edit, copies[0], "Cream"), partial(edit, copies[1], "No cream")]
        )

        told = [result for result in results if isinstance(result, LinkConflict)]
        saved = [result for result in results if isinstance(result, str)]
        assert (len(told), len(saved)) == (1, 1)
        link.refresh_from_db()
        assert link.note == saved[0]
        assert Activity.objects.filter(link=link, kind="link.edited").count() == 1
