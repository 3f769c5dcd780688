"""Work once more on webhooks that are kept, here and now, without a broker."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from links.models import EventState, WebhookEvent
from links.services import inbox, reviewing
from merchant_portal.lib.actors import SYSTEM

FINE = (EventState.DONE, EventState.IGNORED, EventState.ORPHAN)


class Command(BaseCommand):
    help = (
        "Works once more on webhooks as they were stored: the provider is asked anew and"
        " what it says is booked. What is booked already stays as it is, so any event"
        " may be replayed, as often as you like."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "events", nargs="*", metavar="EVENT", help="the provider's event number"
        )
        parser.add_argument(
            "--provider", help="of which provider, for example stripe; all if left out"
        )
        parser.add_argument(
            "--given-up", action="store_true", help="every event that was given up"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = self._chosen(
            options["events"], options["given_up"], options["provider"]
        )
        failed = 0
        # Known before the first is touched: working on one changes what is given up.
        for pk in list(chosen.values_list("pk", flat=True)):
            event = WebhookEvent.objects.select_related("account").get(pk=pk)
            reviewing.try_again(event, actor=SYSTEM)
            inbox.process(event.pk)
            event.refresh_from_db()
            failed += event.state not in FINE
            self.stdout.write(_told(event))
        if failed:
            raise CommandError(
                f"{failed} could not be worked on; each is tried again by itself, or"
                " shown among the webhooks that were given up."
            )

    def _chosen(
        self, names: list[str], given_up: bool, provider: str | None
    ) -> QuerySet[WebhookEvent]:
        """Which events are meant, the oldest first; CommandError if that is not clear."""
        if bool(names) == given_up:
            raise CommandError("Name the events to replay, or say --given-up.")
        events = reviewing.events() if given_up else WebhookEvent.objects.all()
        if provider:
            events = events.filter(account__slug=provider)
        if names:
            events = events.filter(event_id__in=names)
            unknown = set(names) - set(events.values_list("event_id", flat=True))
            if unknown:
                raise CommandError(
                    f"No webhook here is called {', '.join(sorted(unknown))}."
                )
        elif not events.exists():
            self.stdout.write("No webhook was given up.")
        return events.order_by("pk")


def _told(event: WebhookEvent) -> str:
    said = f"{event.event_id} of {event.account.slug}: {event.get_state_display()}"
    return f"{said}. {event.last_error}" if event.last_error else f"{said}."
