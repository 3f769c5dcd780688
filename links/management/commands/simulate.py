"""Fill a sample shop with half a year of believable life."""

from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from customers.models import Customer
from links.models import NoticeItem, PaymentLink
from links.sample.story import Story
from links.services import keyring
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import SYSTEM, Actor
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right


class Command(BaseCommand):
    help = (
        "Makes customers, links, payments and reminders of a small shop over the last"
        " half-year, through the product's own services. The same --seed and --until"
        " give the same data. Refuses a database with real customers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--links", type=int, default=200)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--until", help="the last day, for example 2026-06-30; today if left out"
        )
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing if there are links"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        _refuse_on_real_data()
        if options["if_empty"] and PaymentLink.objects.exists():
            return
        if not 1 <= options["links"] <= 100_000:
            raise CommandError("--links takes 1 to 100000.")
        business = Business.objects.current()
        if not business.is_sample:
            business.is_sample = True
            business.save(update_fields=["is_sample"])
        self.stdout.write(
            f"Telling half a year of a sample shop ({options['links']} links) …"
        )
        started = monotonic()
        story = Story(
            seed=options["seed"],
            count=options["links"],
            until=_last_moment(options["until"]),
            actors=_actors(),
            on_progress=self._progress(options["links"]),
        )
        with queue.silenced():
            made = story.tell()
        # What happened in the sample's past is in nobody's digest of today.
        NoticeItem.objects.all().delete()
        self.stdout.write(
            f"{made} links of {len(story.people)} customers"
            f" in {monotonic() - started:.0f} s."
        )

    def _progress(self, count: int) -> Callable[[int], None]:
        said = 0

        def show(done: int) -> None:
            nonlocal said
            if done - said >= max(count // 10, 100):
                said = done
                self.stdout.write(f"  {done} of {count} links …")

        return show


def _actors() -> list[Actor]:
    """Those of the staff who make links, or the product itself where nobody is."""
    makers = [
        user for user in User.objects.order_by("pk") if user.may(Right.LINKS_WRITE)
    ]
    return [user.actor() for user in makers] or [SYSTEM]


def _last_moment(day: str | None) -> datetime:
    now = clock.now()
    if day is None:
        return now
    try:
        last = datetime.strptime(day, "%Y-%m-%d").replace(hour=23, tzinfo=UTC)
    except ValueError as exc:
        raise CommandError("Write --until as a day, like 2026-06-30.") from exc
    if last > now:
        raise CommandError("--until lies in the future.")
    return last


def _refuse_on_real_data() -> None:
    if keyring.has_live_keys() or not settings.TRAINING_ENABLED:
        raise CommandError(
            "Sample data needs TRAINING_ENABLED=true and no live provider key."
        )
    if Customer.objects.filter(is_sample=False).exists():
        raise CommandError(
            "This database holds a customer that is not sample data. Use another one."
        )
