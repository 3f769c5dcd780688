"""The headings of reports: how rows are told apart, for machines and for people."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel.dates import format_date
from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import TruncMonth, TruncWeek
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from customers.models import Customer
from merchant_portal.staff.models import User

from ..models import ProviderAccount
from ..providers.manual import METHODS
from ..providers.registry import PROVIDERS, get_provider

Titles = Mapping[Any, tuple[str, str]]
# What is in the sums → key and title.


@dataclass(frozen=True, slots=True)
class Heading:
    """`of`: what of a DailyTotal it goes by. `name`: gives those found key and title."""

    title: Promise
    of: Combinable
    name: Callable[[Iterable[Any]], Titles]
    is_time: bool = False


def _by_day(days: Iterable[date]) -> Titles:
    return _dated(days, "EEE d MMM y", "%s")


def _by_week(days: Iterable[date]) -> Titles:
    return _dated(days, "d MMM y", _("Week of %s"))


def _by_month(days: Iterable[date]) -> Titles:
    return _dated(days, "LLLL y", "%s")


def _dated(days: Iterable[date], shape: str, words: str) -> Titles:
    language = (get_language() or "en").replace("-", "_")
    return {
        day: (day.isoformat(), words % format_date(day, shape, locale=language))
        for day in days
    }


def _by_provider(pks: Iterable[int]) -> Titles:
    slugs = dict(ProviderAccount.objects.filter(pk__in=pks).values_list("pk", "slug"))
    return {
        pk: (slug, str(get_provider(slug).title) if slug in PROVIDERS else slug)
        for pk, slug in slugs.items()
    }


def _by_method(methods: Iterable[str]) -> Titles:
    return {method: (method, method_title(method)) for method in methods}


def method_title(method: str) -> str:
    if not method:
        return _("Not told")
    return str(METHODS.get(method, method.replace("_", " ").capitalize()))


def _by_staff(pks: Iterable[int]) -> Titles:
    pks = set(pks)
    people = {user.pk: str(user) for user in User.objects.filter(pk__in=pks)}
    nobody = _("No member of staff")
    return {pk: (str(pk), people[pk]) if pk in people else ("", nobody) for pk in pks}


def by_customer(pks: Iterable[int | None]) -> Titles:
    known = {pk for pk in pks if pk is not None}
    names = dict(Customer.objects.filter(pk__in=known).values_list("pk", "name"))
    nobody = {None: ("", _("No customer"))}
    return nobody | {pk: (str(pk), name) for pk, name in names.items()}


def by_staff(pks: Iterable[int | None]) -> Titles:
    """As that of the daily sums, for rows that may have none."""
    found = _by_staff(pk or 0 for pk in pks)
    return {pk or None: title for pk, title in found.items()}


HEADINGS: Mapping[str, Heading] = {
    "day": Heading(gettext_lazy("Day"), F("day"), _by_day, is_time=True),
    "week": Heading(gettext_lazy("Week"), TruncWeek("day"), _by_week, is_time=True),
    "month": Heading(gettext_lazy("Month"), TruncMonth("day"), _by_month, is_time=True),
    "provider": Heading(gettext_lazy("Provider"), F("account_pk"), _by_provider),
    "method": Heading(gettext_lazy("Method"), F("method"), _by_method),
    "staff": Heading(gettext_lazy("Staff"), F("staff_pk"), _by_staff),
}
