"""Do everything that is due, here and now, without a broker."""

import re
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive

from links.services import draining, keyring
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from notifications.channels.registry import CHANNELS, get_channel

_SPAN = re.compile(r"\A\+([0-9]{1,4})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_moment(text: str, now: datetime) -> datetime:
    """`+8d`, `+12h`, `+90m`, or an ISO 8601 date and time with its offset."""
    span = _SPAN.match(text)
    if span:
        return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
    at = parse_datetime(text)
    if at is None or is_naive(at):
        raise CommandError("Write --as-of as +8d, +12h or 2026-12-24T10:00:00+00:00.")
    return at


class Command(BaseCommand):
    help = (
        "Plans and sends whatever is due, without a broker. With --as-of, time moves"
        " on to that moment first: only where nothing can reach a real customer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", metavar="+8d", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        until = now
        if options["as_of"]:
            _refuse_on_real_data()
            until = parse_moment(options["as_of"], now)
            if until < now:
                raise CommandError("--as-of lies in the past; time only moves on.")
        done = draining.drain(until)
        self.stdout.write(
            f"Up to {until:%Y-%m-%d %H:%M} UTC: {done.reminders} reminder moments,"
            f" {done.messages} messages, {done.events} webhooks,"
            f" {done.checkouts} checkouts."
        )


def _refuse_on_real_data() -> None:
    is_kept_here = all(get_channel(name).is_captured() for name in CHANNELS)
    if keyring.has_live_keys() or not (
        is_kept_here or settings.ONLY_LOOPBACK or Business.objects.current().is_sample
    ):
        raise CommandError(
            "--as-of works on demo and test data only: here it would remind real"
            " customers too early."
        )
