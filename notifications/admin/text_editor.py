"""The editor of one message: words, preview, what is wrong with them, saving."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_POST

from merchant_portal.staff.admin.rights import needs, user_of
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from .. import checks, kinds
from ..kinds import Kind
from ..models import Template
from ..services import layouts, templates, testing, wording
from ..services.doctor import Report
from ..services.templates import InUse, Overtaken
from . import text_form, text_preview, text_words
from .labels import kind_title
from .text_form import EMAIL, SMS, Typed

MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:;"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox"
)
# Mails carry inline styles. Nothing else may run or load, and only we may frame it.


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being edited."""

    kind: Kind
    language: str

    @property
    def title(self) -> str:
        name = dict(settings.LANGUAGES)[self.language]
        return f"{kind_title(self.kind.name)} · {name}"

    def url(self, name: str = "edit") -> str:
        return reverse(
            f"admin:notifications_template_{name}", args=[self.kind.name, self.language]
        )


def subject_or_404(kind: str, language: str) -> Subject:
    try:
        found = kinds.get(kind)
    except kinds.UnknownKind:
        raise Http404 from None
    if found.is_given or language not in checks.languages_of(found):
        raise Http404
    return Subject(found, language)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.TEMPLATES_WRITE)
def edit_view(request: HttpRequest, kind: str, language: str) -> HttpResponse:
    """The editor; a POST saves, or sends a test, or shows again what was typed."""
    subject = subject_or_404(kind, language)
    current = templates.in_use(kind, language)
    if request.method != "POST":
        typed = _older(request, subject, Typed.of(current))
        return _page(request, subject, current, typed)
    typed = _untouched(subject, current, Typed.posted(request.POST))
    reports = _examined(subject, current, typed)
    if request.POST.get("act") == "test":
        return _test(request, subject, current, typed, reports)
    return _save(request, subject, current, typed, reports)


def _older(request: HttpRequest, subject: Subject, typed: Typed) -> Typed:
    """With the words of an older version in their place, to look at before they are
    saved; a version that is not there changes nothing."""
    row = (
        Template.objects.filter(
            public_id=request.GET.get("version", "")[:32],
            kind=subject.kind.name,
            language=subject.language,
        )
        .exclude(public_id="")
        .first()
    )
    if row is None:
        return typed
    words = templates.words_of(row)
    email = words if row.channel == EMAIL else typed.email
    sms = words if row.channel == SMS else typed.sms
    return Typed(email=email, sms=sms, seen=typed.seen)


def _untouched(subject: Subject, current: dict[str, InUse], typed: Typed) -> Typed:
    """Where another saved what this author has not touched, theirs stays."""
    for channel, used in current.items():
        seen = typed.seen[channel]
        if seen == used.version:
            continue
        before = templates.at_version(
            subject.kind.name, channel, subject.language, seen
        )
        if typed.of_channel(channel).as_kept() == before:
            typed = typed.taking(channel, used)
    return typed


def _examined(
    subject: Subject, current: dict[str, InUse], typed: Typed
) -> dict[str, Report]:
    known = text_form.shop(
        subject.kind, subject.language, checks.languages_of(subject.kind)
    )
    return typed.reports(subject.kind, subject.language, current, known)


def _save(
    request: HttpRequest,
    subject: Subject,
    current: dict[str, InUse],
    typed: Typed,
    reports: dict[str, Report],
) -> HttpResponse:
    overtaken = [
        channel
        for channel, used in current.items()
        if channel in reports and used.version != typed.seen[channel]
    ]
    new = text_form.changed(reports, current)
    found = text_form.findings(new)
    if overtaken:
        return _conflict(request, subject, typed, overtaken[0])
    if not new:
        messages.info(request, _("These are the words that are sent already."))
        return redirect(subject.url())
    if any(one.is_refusal for one in found):
        return _page(request, subject, current, typed, found=found, status=422)
    if found and typed.agreed != text_form.mark_of(found):
        return _page(
            request, subject, current, typed, found=found, asks=True, status=422
        )
    try:
        templates.save(
            subject.kind.name,
            subject.language,
            {channel: report.words for channel, report in new.items()},
            seen=typed.seen,
            author=user_of(request),
        )
    except Overtaken as exc:
        return _conflict(request, subject, typed, exc.newest.channel)
    messages.success(request, _("Saved. The next message has these words."))
    return redirect(subject.url())


def _conflict(
    request: HttpRequest, subject: Subject, typed: Typed, channel: str
) -> HttpResponse:
    """Both texts; saving once more replaces what the other has saved."""
    current = templates.in_use(subject.kind.name, subject.language)
    newest = (
        Template.objects.of(subject.kind.name, channel, subject.language)
        .select_related("author")
        .order_by("-version")
        .first()
    )
    theirs = current[channel].words
    conflict = {
        "who": templates.author_of(newest) if newest else _("Somebody"),
        "subject": theirs.subject,
        "words": theirs.body if channel == EMAIL else theirs.text,
    }
    typed = typed.having_seen(current)
    return _page(request, subject, current, typed, status=409, conflict=conflict)


def _test(
    request: HttpRequest,
    subject: Subject,
    current: dict[str, InUse],
    typed: Typed,
    reports: dict[str, Report],
) -> HttpResponse:
    """To whoever asks, with the words as they were typed; saves nothing."""
    report = reports.get(EMAIL)
    refused = report.refusals if report else []
    if report is None or refused:
        return _page(request, subject, current, typed, found=refused, status=422)
    user = user_of(request)
    rendered = text_preview.shown(
        subject.kind,
        EMAIL,
        subject.language,
        report.words,
        _values(subject, typed, user),
    )
    if rendered is None:
        return _page(request, subject, current, typed, status=422)
    testing.send(rendered, language=subject.language, kind=subject.kind.name, user=user)
    messages.success(
        request, _("A test is on its way to %(email)s.") % {"email": user.email}
    )
    return _page(request, subject, current, typed)


def _values(subject: Subject, typed: Typed, user: User) -> kinds.Values:
    return text_preview.values_of(subject.kind, subject.language, typed.example, user)


@require_POST
@needs(Right.TEMPLATES_WRITE)
def preview_view(request: HttpRequest, kind: str, language: str) -> HttpResponse:
    """What the words typed so far come to, as a piece of page."""
    subject = subject_or_404(kind, language)
    current = templates.in_use(kind, language)
    typed = Typed.posted(request.POST)
    reports = _examined(subject, current, typed)
    found = text_form.findings(text_form.changed(reports, current))
    context = {
        "preview": _preview(subject, typed, reports, user_of(request)),
        "findings": _said(found),
        "live": True,
    }
    return render(request, "notifications/admin/text_preview.html", context)


@require_POST
@needs(Right.TEMPLATES_WRITE)
@xframe_options_sameorigin
def mail_view(request: HttpRequest, kind: str, language: str) -> HttpResponse:
    """The e-mail alone, for the sandboxed frame."""
    subject = subject_or_404(kind, language)
    typed = Typed.posted(request.POST)
    user = user_of(request)
    rendered = text_preview.shown(
        subject.kind, EMAIL, language, typed.email, _values(subject, typed, user)
    )
    response = HttpResponse(rendered.html if rendered else "")
    response["Content-Security-Policy"] = MAIL_POLICY
    response["Cache-Control"] = "no-store"
    return response


def _preview(
    subject: Subject, typed: Typed, reports: dict[str, Report], user: User
) -> dict[str, Any]:
    values = _values(subject, typed, user)
    shown: dict[str, Any] = {}
    for channel, report in reports.items():
        rendered = text_preview.shown(
            subject.kind, channel, subject.language, report.words, values
        )
        shown[channel] = rendered
        if channel == SMS and rendered is not None:
            shown["count"] = count = text_preview.count_of(rendered)
            shown["signs"] = (
                text_preview.dear_signs(report.words) if count.culprit else []
            )
    return shown


def _placeholders(subject: Subject, current: dict[str, InUse]) -> dict[str, Any]:
    """Those that this message has as it comes, and the others."""
    allowed = wording.allowed(subject.kind)
    usual = set().union(
        *(
            layouts.layout(subject.kind.name, channel, subject.language).names
            for channel in current
        )
    )
    usual = (usual | {"customer_name"}) & allowed - {
        "business_address",
        "business_contact",
        "unsubscribe_url",
    }
    return {
        "placeholders": text_words.offered(usual),
        "other_placeholders": text_words.offered(allowed - usual),
    }


def _said(found: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "is_refusal": one.is_refusal,
            "place": text_form.place_title(one.place),
            "field": one.place,
            "message": one.message,
        }
        for one in found
    ]


def _page(
    request: HttpRequest,
    subject: Subject,
    current: dict[str, InUse],
    typed: Typed,
    *,
    found: list[Any] | None = None,
    asks: bool = False,
    status: int = 200,
    conflict: dict[str, str] | None = None,
) -> HttpResponse:
    user = user_of(request)
    reports = _examined(subject, current, typed)
    found = found if found is not None else []
    return render(
        request,
        "notifications/admin/text_editor.html",
        {
            **admin.site.each_context(request),
            "title": subject.title,
            "subject": subject,
            "about": text_words.about(subject.kind),
            "typed": typed,
            "has_email": EMAIL in current,
            "has_sms": SMS in current,
            "current": [
                (channel, used, Template(channel=channel).get_channel_display())
                for channel, used in current.items()
            ],
            **_placeholders(subject, current),
            "examples": text_preview.examples(subject.kind, subject.language, user),
            "preview": _preview(subject, typed, reports, user),
            "findings": _said(found),
            "wrong": {one.place for one in found if one.is_refusal},
            "agreed": text_form.mark_of(found) if asks else "",
            "asks": asks,
            "is_rtl": subject.language in settings.LANGUAGES_BIDI,
            "urls": {
                name: subject.url(name) for name in ("preview", "mail", "history")
            },
            "email": user.email,
            "conflict": conflict,
        },
        status=status,
    )
