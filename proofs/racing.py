"""One racer of `proofs.scenarios.races`, a process of its own: `python -m proofs.racing ROLE …`.

The only module here that runs the product's own code, because that is what races. It judges
nothing. Every variant stretches the same moments by the same chance, so that the guards
decide and not the speed of the machine.
"""

import random
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

import django

django.setup()  # by DJANGO_SETTINGS_MODULE in the environment

from django.db import OperationalError  # noqa: E402

from customers.services import customers  # noqa: E402
from links.models import PaymentLink, ReminderDue  # noqa: E402
from links.models.links import PaymentLinkQuerySet  # noqa: E402
from links.providers.base import PaymentSnapshot, SeenState  # noqa: E402
from links.services import links, payments, reminding, sending  # noqa: E402
from links.services.amounts import LineData  # noqa: E402
from links.services.links import LinkData  # noqa: E402
from merchant_portal.lib import clock, crash  # noqa: E402
from merchant_portal.lib.actors import SYSTEM  # noqa: E402
from merchant_portal.lib.money import Money  # noqa: E402
from notifications.models import Message, MessageState  # noqa: E402
from notifications.services import claims  # noqa: E402

STRETCH_SECONDS = 0.012
JITTER_SECONDS = 0.08
PRICE_MINOR = 1250
UNLOCKED = {"belt_alone", "neither"}
UNBELTED = {"lock_alone", "neither"}


def seed(count: int) -> None:
    """Links that were sent by e-mail and SMS; their carriers have the invitations."""
    for number in range(count):
        customer = customers.create(
            customers.CustomerData(
                name="Ada Lovelace",
                email=f"ada{number}@example.com",
                phone=f"+1415555{number + 100:04d}",
                time_zone="UTC",
                language="en",
            ),
            actor=SYSTEM,
        )
        link = links.create(
            LinkData(
                customer=customer,
                currency="EUR",
                lines=(LineData("Birthday cake", PRICE_MINOR),),
                due_on=None,
                expires_at=None,
                draft=False,
                has_reminders=True,
            ),
            actor=SYSTEM,
        )
        sending.send(link, ["email", "sms"], actor=SYSTEM)
    Message.objects.update(state=MessageState.SENT)


def line_up(seconds: float) -> None:
    """One reminder a link comes due after the other, evenly from two seconds on."""
    start = clock.now() + timedelta(seconds=2)
    dues = list(ReminderDue.objects.order_by("link_id"))
    for number, due in enumerate(dues):
        due.due_at = start + timedelta(seconds=seconds * number / len(dues))
    ReminderDue.objects.bulk_update(dues, ["due_at"], batch_size=500)


def pay(chance: random.Random, part: int, of: int, *, is_locked: bool) -> None:
    """Pay every `of`-th link at about the moment at which its reminder comes due."""
    dues = list(
        ReminderDue.objects.order_by("link_id").values_list("link_id", "due_at")
    )[part::of]
    for link_pk, due_at in dues:
        wait = (due_at - clock.now()).total_seconds()
        time.sleep(max(0.0, wait + chance.uniform(-1, 1) * JITTER_SECONDS))
        _record(PaymentLink.objects.get(pk=link_pk), is_locked=is_locked)


def _record(link: PaymentLink, *, is_locked: bool) -> None:
    seen = PaymentSnapshot(
        account_slug="training",
        provider_payment_id=f"tpy_{link.pk}",
        state=SeenState.SUCCEEDED,
        amount=Money(PRICE_MINOR, "EUR"),
        occurred_at=clock.now(),
        link_reference=link.public_id,
        checkout_reference="",
        fee=None,
        method="card",
    )
    while True:
        try:
            payments.record(seen)
            return
        except OperationalError:
            # without the links' order of locks planners and payers block each other
            if is_locked:
                raise


def plan(seconds: float, *, is_locked: bool) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            reminding.enqueue_due()
        except OperationalError:
            if is_locked:
                raise


def claim(seconds: float) -> None:
    """Claim and keep: what the carrier would say is no matter here."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        claims.claim(50)


def stretch(chance: random.Random) -> None:
    """Time to collide: before a planner writes, a payment commits, a claim is taken."""

    def pause(name: str) -> None:
        if name in {"reminder.after_claim", "payment.before_commit"}:
            time.sleep(chance.uniform(0, STRETCH_SECONDS))

    take = claims._take

    def take_late(going: Sequence[Message], *more: object) -> None:
        time.sleep(chance.uniform(0, STRETCH_SECONDS))
        take(going, *more)  # type: ignore[arg-type] # handed on as it came

    crash.crash_at = pause
    claims._take = take_late  # type: ignore[assignment] # the same call


def main(role: str, variant: str, seconds: float, number: int) -> None:
    chance = random.Random(number)  # noqa: S311  to be repeated, no secret
    if role == "seed":
        return seed(number)
    if role == "line_up":
        return line_up(seconds)
    stretch(chance)
    print("ready", flush=True)
    sys.stdin.readline()  # until everybody is
    is_locked = variant not in UNLOCKED
    if role == "payer":
        return pay(chance, number % 2, 2, is_locked=is_locked)
    if role == "planner":
        if not is_locked:
            PaymentLinkQuerySet.select_for_update = (  # type: ignore[method-assign]
                lambda rows, **options: rows
            )
        return plan(seconds, is_locked=is_locked)
    if variant in UNBELTED:
        claims._screen = lambda due: list(due)
    return claim(seconds)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
