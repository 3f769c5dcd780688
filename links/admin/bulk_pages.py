"""The page of one sending to many: before it starts, while it goes, and its results."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_safe

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import masks, spreadsheets
from merchant_portal.lib.spreadsheets import Format
from merchant_portal.staff import step_up
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.models import ChannelName
from notifications.services import quotas

from ..models import BulkItem, BulkSend, BulkState, Way
from ..services import bulk, bulk_results
from ..services.bulk_results import Outcome
from . import bulk_words, formats
from .entry import bounded, frame, needs, who

DRAFT_TEMPLATE = "admin/links/bulksend/draft.html"
PAGE_TEMPLATE = "admin/links/bulksend/page.html"
LIVE_TEMPLATE = "admin/links/bulksend/live.html"
SHOWN = 50
CSV_CHUNK = 500


def job_or_404(request: HttpRequest, pk: int) -> BulkSend:
    """A job that this reader may see; others do not exist for them."""
    job = (
        BulkSend.objects.visible_to(who(request))
        .select_related("created_by", "again")
        .filter(pk=bounded(pk))
        .first()
    )
    if job is None:
        raise Http404
    return job


@require_safe
@needs(Right.LINKS_READ)
def page_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`?way=` of one not started; `?show=` an outcome and `?after=` a row of the others."""
    job = job_or_404(request, pk)
    if job.state == BulkState.DRAFT:
        return _draft(request, job)
    found = _shown(request)
    rows = _rows(job, found, request.GET.get("after", ""), who(request))
    context = {**_standing(job), **rows}
    return render(
        request,
        PAGE_TEMPLATE,
        frame(
            request,
            _title(job),
            **context,
            show=found or "",
            may_write=who(request).may(Right.LINKS_WRITE),
            may_export=who(request).may(Right.EXPORTS_READ),
            way=job.get_way_display(),
            zone=formats.business_zone(),
        ),
    )


@require_GET
@needs(Right.LINKS_READ)
def live_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The counts; once the job is in another state, or over, the page loads anew."""
    job = job_or_404(request, pk)
    context = _standing(job)
    if request.GET.get("state") != job.state or not context["is_open"]:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, LIVE_TEMPLATE, {**context, "show": _shown(request) or ""})


@require_GET
@needs(Right.LINKS_READ)
@needs(Right.EXPORTS_READ)
def csv_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Every link of it, or those of `?show=`: what came of it and why."""
    return _file(request, pk, Format.CSV)


@require_GET
@needs(Right.LINKS_READ)
@needs(Right.EXPORTS_READ)
def xlsx_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _file(request, pk, Format.XLSX)


def _file(request: HttpRequest, pk: int, kind: Format) -> HttpResponseBase:
    job = job_or_404(request, pk)
    page = reverse("admin:links_bulksend_change", args=[job.pk])
    if proof := step_up.ask(request, back=page):
        return proof
    with transaction.atomic():
        audit.record(who(request).public_id, "bulk.downloaded", job.public_id)
    rows = _file_rows(job, _shown(request))
    return spreadsheets.download(job.public_id, rows, kind)


def _draft(request: HttpRequest, job: BulkSend) -> HttpResponse:
    way = request.GET.get("way", job.way)
    if way not in Way.values:
        way = job.way
    seen = bulk.outlook(job, way)
    left_out = [
        {"reason": bulk_words.reason(code), "count": count}
        for code, count in seen.left_out.most_common()
    ]
    return render(
        request,
        DRAFT_TEMPLATE,
        frame(
            request,
            _title(job),
            job=job,
            way=way,
            ways=[(value, label, value == way) for value, label in Way.choices],
            seen=seen,
            left_out=left_out,
            left_out_count=sum(seen.left_out.values()),
            stopped_at=Business.objects.current().sending_stopped_at,
            limits=quotas.uses(),
            may_write=who(request).may(Right.LINKS_WRITE),
        ),
    )


def _title(job: BulkSend) -> str:
    return ngettext("Send %d link", "Send %d links", job.size) % job.size


def _shown(request: HttpRequest) -> Outcome | None:
    value = request.GET.get("show", "")
    return Outcome(value) if value in set(Outcome) else None


def _standing(job: BulkSend) -> dict[str, Any]:
    """How it goes; `is_open`: something may still change by itself."""
    progress = bulk_results.progress(job)
    counts = progress.counts
    is_open = bool(counts[Outcome.WAITING] or counts[Outcome.GOING])
    return {
        "job": job,
        "state_color": bulk_words.STATE_COLORS[job.state],
        "progress": progress,
        "tiles": [
            (outcome, label, counts[outcome])
            for outcome, label in bulk_words.OUTCOMES.items()
        ],
        "failed": counts[Outcome.FAILED],
        "is_open": is_open or job.ended_at is None,
        "poll_seconds": 2 if counts[Outcome.WAITING] else 10,
    }


def _rows(
    job: BulkSend, outcome: Outcome | None, after: str, user: User
) -> dict[str, Any]:
    is_masked = not user.may(Right.CUSTOMERS_CONTACT)
    items = bulk_results.filtered(job, outcome)
    if after.isdecimal() and len(after) < 19:
        items = items.filter(pk__gt=int(after))
    found = list(items[: SHOWN + 1])
    return {
        "rows": [_row(item, is_masked=is_masked) for item in found[:SHOWN]],
        "next_after": found[SHOWN - 1].pk if len(found) > SHOWN else None,
        "is_first": not after,
    }


def _row(item: BulkItem, *, is_masked: bool = False) -> dict[str, Any]:
    outcome = bulk_words.outcome(item)
    customer = item.link.customer
    to = item.message.recipient if item.message else ""
    return {
        "link": item.link,
        "customer": customer.name if customer else "",
        "amount": formats.money(item.link.amount_minor, item.link.currency)
        if item.link.amount_minor
        else "",
        "outcome": bulk_words.OUTCOMES[outcome],
        "color": bulk_words.OUTCOME_COLORS[outcome],
        "channel": ChannelName(item.channel).label if item.channel else "",
        "to": masks.address(to) if is_masked else to,
        "message": item.message_id,
        "why": bulk_words.why(item),
    }


def _file_rows(job: BulkSend, outcome: Outcome | None) -> Iterator[list[object]]:
    yield [
        _("Link"),
        _("Customer"),
        _("Amount"),
        _("Currency"),
        _("Outcome"),
        _("Channel"),
        _("To"),
        _("Why"),
    ]
    after = 0
    while found := list(
        bulk_results.filtered(job, outcome).filter(pk__gt=after)[:CSV_CHUNK]
    ):
        after = found[-1].pk
        for item in found:
            row = _row(item)
            link = item.link
            yield [
                link.number or link.public_id,
                row["customer"],
                link.amount,
                link.currency,
                str(row["outcome"]),
                str(row["channel"]),
                row["to"],
                row["why"],
            ]
