"""What the mail of a day says: each kind of news with its sums and its newest lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from django.db.models import Count, F, Q, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import RIGHTS, Right
from notifications.kinds import Values
from notifications.models import Message

from ..models import News, NoticeItem, StaffDigest
from . import notice_words
from .notice_rules import RIGHT

LINES = 20
# of each kind of news; the sums are of all


def _visible() -> Q:
    """Items of people who work here, about what they may see today."""
    return Q(person__is_active=True) & reduce(or_, map(_of_role, RIGHTS))


def _of_role(role: str) -> Q:
    rights = RIGHTS[role]
    known = [news for news in News if RIGHT[news] in rights]
    own = Q() if Right.LINKS_ALL in rights else Q(link__created_by=F("person"))
    return Q(person__role=role, news__in=known) & own


@dataclass(slots=True)
class _Told:
    """Of one digest: by kind of news how many, sums by currency, and the newest."""

    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, list[Money]] = field(default_factory=dict)
    lines: dict[str, list[NoticeItem]] = field(default_factory=dict)


def still_due(digests: Sequence[Message]) -> set[int]:
    """Those that still have something to tell; one query."""
    if not digests:
        return set()
    ids = {message.reference for message in digests}
    alive = set(
        NoticeItem.objects.filter(_visible(), digest__public_id__in=ids)
        .values_list("digest__public_id", flat=True)
        .distinct()
    )
    return {message.pk for message in digests if message.reference in alive}


def context(digests: Sequence[Message], zone: ZoneInfo) -> dict[int, Values]:
    """Three queries, however many there are and however much they tell."""
    if not digests:
        return {}
    days = dict(
        StaffDigest.objects.filter(
            public_id__in={message.reference for message in digests}
        ).values_list("public_id", "day")
    )
    told = _read(list(days))
    return {
        message.pk: _words(
            told[message.reference], days[message.reference], message, zone
        )
        for message in digests
        if message.reference in told
    }


def _read(public_ids: Sequence[str]) -> dict[str, _Told]:
    mine = NoticeItem.objects.filter(_visible(), digest__public_id__in=public_ids)
    told: dict[str, _Told] = {}
    sums = mine.values("digest__public_id", "news", "currency").annotate(
        count=Count("pk"), total=Sum("amount_minor")
    )
    for row in sums.order_by("currency"):
        of_digest = told.setdefault(row["digest__public_id"], _Told())
        news = row["news"]
        of_digest.counts[news] = of_digest.counts.get(news, 0) + row["count"]
        if row["currency"]:
            money = Money(int(row["total"]), row["currency"])
            of_digest.sums.setdefault(news, []).append(money)
    place = Window(
        RowNumber(), partition_by=[F("digest"), F("news")], order_by=F("id").desc()
    )
    newest = mine.annotate(place=place).filter(place__lte=LINES)
    for item in newest.select_related("digest", "link__customer").order_by("id"):
        if item.digest is not None:
            lines = told[item.digest.public_id].lines
            lines.setdefault(item.news, []).append(item)
    return told


def _words(told: _Told, day: date, message: Message, zone: ZoneInfo) -> Values:
    language = message.language
    locale = locale_of(language)
    with translation.override(language):
        parts = [
            _part(news, told, language, zone) for news in News if news in told.counts
        ]
        count = sum(told.counts.values())
        counted = ngettext("%(count)s piece of news", "%(count)s pieces of news", count)
        subject = "%s: %s" % (  # noqa: UP031
            _("Digest of %(day)s") % {"day": format_date(day, "long", locale=locale)},
            counted % {"count": count},
        )
        end = _("What is told, how and when: %(page)s") % {
            "page": notice_words.choices_page()
        }
        return {"subject": subject, "body": "\n\n".join([*parts, end])}


def _part(news: News, told: _Told, language: str, zone: ZoneInfo) -> str:
    count, shown = told.counts[news], told.lines.get(news, [])
    head = f"{news.label}: {count}"
    if sums := told.sums.get(news):
        head += f" ({', '.join(money.format(language) for money in sums)})"
    lines = [head, *(_line(item, language, zone) for item in shown)]
    if more := count - len(shown):
        lines.append(
            ngettext("… and %(count)s earlier", "… and %(count)s earlier", more)
            % {"count": more}
        )
    return "\n".join(lines)


def _line(item: NoticeItem, language: str, zone: ZoneInfo) -> str:
    at = format_datetime(
        item.at.astimezone(zone), "d MMM, HH:mm", locale=locale_of(language)
    )
    amount = item.amount.format(language) if item.amount else ""
    link = item.link
    said: Iterable[str] = (
        at,
        notice_words.number_of(link),
        notice_words.name_of(link),
        amount,
    )
    return f"• {' · '.join(filter(None, said))}\n  {notice_words.page_of(link)}"
