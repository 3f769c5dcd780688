"""A comparison as a page shows it: sums side by side, and each difference in words."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import (
    Comparison,
    ComparisonState,
    Difference,
    Gap,
    Payment,
    ProviderAccount,
    Subject,
)
from ..providers.registry import PROVIDERS, get_provider
from . import formats
from .labels import COMPARISON_COLORS

_ADVICE: dict[str, Promise] = {
    Gap.UNKNOWN_HERE: gettext_lazy(
        "Look it up at the provider: it could not be booked. If it is money of yours,"
        " record it by hand."
    ),
    Gap.UNKNOWN_THERE: gettext_lazy(
        "Our books say that it happened, the provider knows nothing of it. Are the keys"
        " of the right account set? Ask the provider before you deliver or refund."
    ),
    Gap.STATE: gettext_lazy(
        "Look at it on the provider's own page: what it says there is what happened."
    ),
    Gap.CURRENCY: gettext_lazy(
        "The provider names another currency than it did when this was booked. Ask it why."
    ),
    Gap.AMOUNT: gettext_lazy(
        "The provider names another amount than it did when this was booked. Ask it why,"
        " and tell your accountant."
    ),
    Gap.FEE: gettext_lazy(
        "The provider charges another fee than it said at first; use its own figure."
    ),
}


@dataclass(frozen=True, slots=True)
class Sum:
    """One line of the table: counts and sums on both sides, and what is between them."""

    subject: str
    currency: str
    there: str
    here: str
    apart: str
    is_apart: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One difference. `url`: of our payment, where there is one."""

    what: str
    name: str
    gap: str
    here: str
    there: str
    advice: str
    url: str
    payment: str


@dataclass(frozen=True, slots=True)
class Report:
    """A comparison in words; `left`, `known` and `booked`: its differences."""

    comparison: Comparison
    title: str
    state: str
    color: str
    window: str
    since_when: str
    asked_by: str
    is_open: bool
    sums: list[Sum]
    left: list[Row]
    known: list[Row]
    booked: list[Row]
    unlisted: int
    needs_person: bool
    reviewed: str


def title_of(account: ProviderAccount) -> str:
    if account.slug not in PROVIDERS:
        return account.slug
    return str(get_provider(account.slug).title)


def of(comparison: Comparison) -> Report:
    """`comparison`: with its zone, account and people joined; two queries."""
    found = list(comparison.differences.all())
    pages = _pages(comparison, found)
    rows = {
        "left": [_row(one, pages) for one in found if _is_left(one)],
        "known": [_row(one, pages) for one in found if one.is_known],
        "booked": [_row(one, pages) for one in found if one.is_booked],
    }
    state = ComparisonState(comparison.state)
    return Report(
        comparison=comparison,
        title=title_of(comparison.account),
        state=str(state.label),
        color=COMPARISON_COLORS[state],
        window=_window(comparison),
        since_when=_since_when(comparison),
        asked_by=str(comparison.asked_by or ""),
        is_open=state not in Comparison.ENDED,
        sums=_sums(comparison),
        unlisted=max(comparison.open_count + comparison.booked_count - len(found), 0),
        needs_person=comparison.reviewed_at is None
        and (comparison.open_count > 0 or state == ComparisonState.FAILED),
        reviewed=_reviewed(comparison),
        **rows,
    )


def running(account: ProviderAccount) -> Report | None:
    """The comparison of an account that waits or runs now."""
    rows = formats.with_zone(account.comparisons.select_related("account", "asked_by"))
    found = rows.exclude(state__in=Comparison.ENDED).first()
    return of(found) if found is not None else None


def _is_left(one: Difference) -> bool:
    return not one.is_booked and not one.is_known


def _pages(comparison: Comparison, found: list[Difference]) -> dict[str, str]:
    """Provider's name of a payment → our page of it."""
    names = {one.provider_payment_id for one in found}
    if not names:
        return {}
    known = Payment.objects.filter(
        account=comparison.account_id, provider_payment_id__in=names
    ).values_list("provider_payment_id", "pk")
    return {
        name: reverse("admin:links_payment_change", args=[pk]) for name, pk in known
    }


def _row(one: Difference, pages: dict[str, str]) -> Row:
    is_refund = one.subject == Subject.REFUND
    return Row(
        what=str(Subject(one.subject).label),
        name=one.provider_id,
        gap=str(Gap(one.gap).label),
        here=one.here or formats.NOTHING,
        there=one.there or formats.NOTHING,
        advice="" if one.is_booked else str(_ADVICE[one.gap]),
        url=pages.get(one.provider_payment_id, ""),
        payment=one.provider_payment_id if is_refund else "",
    )


def _sums(comparison: Comparison) -> list[Sum]:
    return [
        _sum(str(Subject(subject).label), currency, sides)
        for currency, subjects in sorted(comparison.sums.items())
        for subject, sides in sorted(subjects.items())
    ]


def _sum(subject: str, currency: str, sides: dict[str, Any]) -> Sum:
    (here_count, here), (there_count, there) = sides["here"], sides["there"]
    is_apart = here != there or here_count != there_count
    sign = "+" if there > here else "\u2212" if there < here else ""
    return Sum(
        subject=subject,
        currency=currency,
        there=f"{there_count} · {formats.money(there, currency)}",
        here=f"{here_count} · {formats.money(here, currency)}",
        apart=f"{sign}{formats.money(abs(there - here), currency)}"
        if is_apart
        else formats.NOTHING,
        is_apart=is_apart,
    )


def _window(comparison: Comparison) -> str:
    if comparison.since is None or comparison.until is None:
        return ""
    return _("%(since)s to %(until)s") % {
        "since": formats.row_moment(comparison.since, comparison),
        "until": formats.row_moment(comparison.until, comparison),
    }


def _since_when(comparison: Comparison) -> str:
    if comparison.state == ComparisonState.RUNNING and comparison.started_at:
        at = formats.row_moment(comparison.started_at, comparison)
        return _("Running since %s.") % at
    if comparison.state == ComparisonState.WAITING:
        return _("Waiting for its turn since %s.") % formats.row_moment(
            comparison.asked_at, comparison
        )
    if comparison.finished_at is None:
        return ""
    return _("Ended %s.") % formats.row_moment(comparison.finished_at, comparison)


def _reviewed(comparison: Comparison) -> str:
    if comparison.reviewed_at is None:
        return ""
    at = formats.row_moment(comparison.reviewed_at, comparison)
    if comparison.reviewed_by is None:
        return at
    return f"{at}, {comparison.reviewed_by}"
