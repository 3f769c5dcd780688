"""The pages of one import: choosing the file, its columns, the preview, what was made."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_safe

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import spreadsheets
from merchant_portal.lib.tables import TableError
from merchant_portal.staff import step_up
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import ImportProgress, ImportState, LinkImport
from ..services import import_fields, import_files, import_results, imports
from ..services.errors import LinkError
from ..services.import_cells import Row
from ..services.import_fields import Setup
from . import formats, import_form
from .entry import bounded, frame, needs, who

ADD_TEMPLATE = "admin/links/linkimport/add.html"
PAGE_TEMPLATE = "admin/links/linkimport/page.html"
LIVE_TEMPLATE = "admin/links/linkimport/live.html"
FORM_BYTES = 16_384
# of a form around its file
READ_AWAY_BYTES = 1_048_576
POLL_SECONDS = 2
STATE_COLORS: dict[str, str] = {
    ImportState.NEW: "",
    ImportState.CHECKING: "info",
    ImportState.READY: "info",
    ImportState.RUNNING: "warning",
    ImportState.DONE: "success",
    ImportState.STOPPED: "danger",
}
S = ImportState


def job_or_404(request: HttpRequest, pk: int) -> LinkImport:
    """An import that this reader may see; others do not exist for them."""
    job = (
        LinkImport.objects.visible_to(who(request))
        .select_related("created_by")
        .filter(pk=bounded(pk))
        .first()
    )
    if job is None:
        raise Http404
    return job


# The form's token is in the body, and reading that would take in any file before its size
# is looked at: so the size comes first, and the token is checked by the view within.
@csrf_exempt
@needs(Right.LINKS_WRITE)
def add_view(request: HttpRequest) -> HttpResponse:
    """Choose a file; what it holds is looked at on the next page."""
    given = request.META.get("CONTENT_LENGTH") or "0"
    most = import_files.UPLOAD_BYTES + FORM_BYTES
    if request.method == "POST" and (not given.isdecimal() or int(given) > most):
        _read_away(request)
        refused = LinkError(
            _("This file is too large: at most %d MB. Split it in two.")
            % (import_files.UPLOAD_BYTES // 1_048_576)
        )
        return _add_page(request, refused, 413)
    try:
        with import_files.room():  # also while the body is taken in
            return _add(request)
    except import_files.NoRoom as exc:
        return _add_page(request, LinkError(str(exc)), 507)


@csrf_protect
def _add(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _add_page(request)
    try:
        upload = request.FILES.get("file")
        if upload is None or upload.file is None:
            raise LinkError(_("Choose a file."), "file")
        job = imports.take(upload.file, upload.name or "", by=who(request))
    except LinkError as exc:
        return _add_page(request, exc, 422)
    return redirect("admin:links_linkimport_change", job.pk)


def _read_away(request: HttpRequest) -> None:
    """Browsers show our answer only once they could send some of theirs."""
    left = READ_AWAY_BYTES
    while left > 0 and (chunk := request.read(65_536)):
        left -= len(chunk)


def _add_page(
    request: HttpRequest, refused: LinkError | None = None, status: int = 200
) -> HttpResponse:
    context = frame(
        request,
        _("Import payment links"),
        error=refused.message if refused else "",
        most_mb=import_files.UPLOAD_BYTES // 1_048_576,
        most_rows=import_files.LIMITS.rows,
    )
    return render(request, ADD_TEMPLATE, context, status=status)


@require_safe
@needs(Right.LINKS_READ)
def page_view(request: HttpRequest, pk: int) -> HttpResponse:
    """`?step=columns`: the columns again, of a file that was checked already."""
    job = job_or_404(request, pk)
    return show(request, job, wants_columns=request.GET.get("step") == "columns")


def show(
    request: HttpRequest,
    job: LinkImport,
    *,
    wants_columns: bool = False,
    setup: Setup | None = None,
    refused: LinkError | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page for the state that it is in; `refused`: why what was asked is not done."""
    may_write = who(request).may(Right.LINKS_WRITE)
    context: dict[str, Any] = {
        "job": job,
        "step": _step(job, wants_columns),
        "state_color": STATE_COLORS[job.state],
        "may_write": may_write,
        "may_export": who(request).may(Right.EXPORTS_READ),
        "refused": refused,
        **_standing(job),
    }
    if context["step"] == "columns":
        said = setup or Setup.of(job.setup)
        context |= import_form.context(job, said, refused)
    elif context["step"] == "preview":
        context |= _preview(request, job)
    title = job.file_name or _("Import payment links")
    return render(
        request, PAGE_TEMPLATE, frame(request, title, **context), status=status
    )


def _step(job: LinkImport, wants_columns: bool) -> str:
    if job.state == S.NEW or (job.state == S.READY and wants_columns):
        return "columns"
    if job.state in {S.CHECKING, S.RUNNING}:
        return "working"
    return {S.READY: "preview", S.DONE: "done"}.get(S(job.state), "dropped")


def _standing(job: LinkImport) -> dict[str, Any]:
    done = (
        ImportProgress.objects.filter(pk=job.pk).values_list("done", flat=True).first()
    )
    size = job.size if job.state == S.RUNNING else 0
    return {
        "done": done or 0,
        "percent": min(100 * (done or 0) // size, 100) if size else None,
        "poll_seconds": POLL_SECONDS,
    }


@require_GET
@needs(Right.LINKS_READ)
def live_view(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it is; in another state the page loads anew."""
    job = job_or_404(request, pk)
    if request.GET.get("state") != job.state:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, LIVE_TEMPLATE, {"job": job, **_standing(job)})


def _preview(request: HttpRequest, job: LinkImport) -> dict[str, Any]:
    report = job.report
    rows: list[dict[str, Any]] = []
    problem = job.problem
    try:
        rows = [_row(row) for row in import_results.first_rows(job)]
    except (TableError, import_files.NoRoom) as exc:
        problem = str(exc)
    first = Business.objects.current().currency
    return {
        "rows": rows,
        "error": problem,
        "sums": formats.sums(report.get("sums", {}).items(), first),
        "report": report,
        "found_customers": report["with_customer"] - report["new_customers"],
        "problems": [_problem(*one) for one in report["shown"]],
        "same_rows": report["same_rows"][:5],
        "before": [_before(request, one) for one in imports.imported_before(job)],
    }


def _before(request: HttpRequest, one: LinkImport) -> dict[str, Any]:
    user: User = who(request)
    is_visible = user.may(Right.LINKS_ALL) or one.created_by_id == user.pk
    return {
        "pk": one.pk if is_visible else None,
        "at": formats.moment(one.ended_at or one.created_at, formats.business_zone()),
        "by": str(one.created_by),
        "made": one.made,
    }


def _row(row: Row) -> dict[str, Any]:
    wanted, person = row.wanted, row.person
    shown: dict[str, Any] = {
        "number": row.number,
        "problems": [
            _problem(row.number, one.column, one.message) for one in row.problems
        ],
        "customer": str(person.fields["name"]) if person else "",
        "address": (person.email or person.phone) if person else "",
        "is_new": row.customer is not None and row.customer < 0,
    }
    if wanted is not None:
        [line] = wanted.totals.lines
        shown |= {
            "amount": formats.money(wanted.totals.amount_minor, wanted.currency),
            "description": line.data.description,
            "due_on": formats.day(wanted.due_on) if wanted.due_on else "",
            "reference": wanted.reference,
        }
    return shown


def _problem(row: int, column: str, message: str) -> dict[str, Any]:
    return {
        "row": row,
        "column": str(import_fields.LABELS.get(column, "")),
        "message": message,
    }


@require_GET
@needs(Right.LINKS_READ)
@needs(Right.EXPORTS_READ)
def problems_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Every mistake of the file, by row and column."""
    job = job_or_404(request, pk)
    if proof := step_up.ask(request, back=_page_of(job)):
        return proof
    if job.state != S.READY:
        return redirect(_page_of(job))
    return spreadsheets.download(f"{job.public_id}-mistakes", _problem_lines(job))


def _problem_lines(job: LinkImport) -> Iterator[list[object]]:
    yield [_("Row"), _("Column"), _("What is wrong")]
    for row in import_results.all_rows(job):
        for one in row.problems:
            label = str(import_fields.LABELS.get(one.column, ""))
            yield [row.number, label, one.message]


def _page_of(job: LinkImport) -> str:
    return reverse("admin:links_linkimport_change", args=[job.pk])


@require_GET
@needs(Right.LINKS_READ)
@needs(Right.EXPORTS_READ)
def results_view(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The links of it with the row of each; addresses for who may send them."""
    job = job_or_404(request, pk)
    if proof := step_up.ask(request, back=_page_of(job)):
        return proof
    if job.state != S.DONE:
        return redirect(_page_of(job))
    with transaction.atomic():
        audit.record(who(request).public_id, "import.downloaded", job.public_id)
    rows = _result_lines(job, who(request).may(Right.LINKS_WRITE))
    return spreadsheets.download(job.public_id, rows)


def _result_lines(job: LinkImport, with_address: bool) -> Iterator[list[object]]:
    heads = [_("Row"), _("Number"), _("Your reference"), _("Customer")]
    yield [
        *heads,
        _("Amount"),
        _("Currency"),
        *([_("Address")] if with_address else []),
    ]
    for link, url in import_results.links_of(job):
        yield [
            link.import_row or "",
            link.number or "",
            link.external_ref,
            link.customer.name if link.customer else "",
            formats.typed(link.amount_minor, link.currency),
            link.currency,
            *([url] if with_address else []),
        ]
