"""What was said before: every version, what changed, and the way back."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from merchant_portal.staff.admin.rights import needs, user_of
from merchant_portal.staff.roles import Right

from .. import checks
from ..models import Template
from ..services import doctor, shipped, templates
from ..services.shipped import Words
from ..services.templates import Overtaken
from . import text_form
from .text_editor import Subject, subject_or_404


@dataclass(frozen=True, slots=True)
class Line:
    """`sign`: `+` new, `-` gone, space as before."""

    sign: str
    text: str


def lines_of(before: Words, after: Words) -> list[Line]:
    """What changed from one version to the next, line by line."""
    return [
        Line(line[0], line[2:])
        for line in difflib.ndiff(_flat(before), _flat(after))
        if line[0] != "?"
    ]


def _flat(words: Words) -> list[str]:
    pieces = [words.subject, words.body, words.text]
    return "\n\n".join(piece for piece in pieces if piece).split("\n")


@require_safe
@needs(Right.TEMPLATES_WRITE)
def history_view(request: HttpRequest, kind: str, language: str) -> HttpResponse:
    """Every version of both channels, the newest first."""
    subject = subject_or_404(kind, language)
    context = {
        **admin.site.each_context(request),
        "title": subject.title,
        "subject": subject,
        "entries": list(_entries(templates.history(kind, language))),
        "restore_url": subject.url("restore"),
    }
    return render(request, "notifications/admin/text_history.html", context)


def _entries(rows: list[Template]) -> Iterator[dict[str, Any]]:
    newest = {row.channel: row.version for row in reversed(rows)}
    older = {(row.channel, row.version): row for row in rows}
    for row in rows:
        before = older.get((row.channel, row.version - 1))
        words = (
            templates.words_of(before)
            if before
            else shipped.words(row.kind, row.channel, row.language)
        )
        yield {
            "row": row,
            "author": templates.author_of(row),
            "channel": row.get_channel_display(),
            "lines": lines_of(words, templates.words_of(row)),
            "is_first": row.version == 1,
            "seen": newest[row.channel],
        }


@require_POST
@needs(Right.TEMPLATES_WRITE)
def restore_view(request: HttpRequest, kind: str, language: str) -> HttpResponse:
    """An older version, or the product's words, become the newest version."""
    subject = subject_or_404(kind, language)
    channel, seen = request.POST.get("channel", ""), request.POST.get("seen", "")
    if channel not in text_form.EDITABLE or not (seen.isascii() and seen.isdigit()):
        raise Http404
    version = request.POST.get("version", "")
    try:
        if not version:
            templates.reset(
                kind, channel, language, seen=int(seen[:9]), author=user_of(request)
            )
        elif not _restored(request, subject, channel, int(seen[:9]), version):
            return redirect(f"{subject.url()}?version={version}")
    except Overtaken as exc:
        messages.warning(request, _("%(why)s Nothing was changed.") % {"why": exc})
        return redirect(subject.url("history"))
    messages.success(request, _("Restored. The next message has these words."))
    return redirect(subject.url("history"))


def _restored(
    request: HttpRequest, subject: Subject, channel: str, seen: int, version: str
) -> bool:
    """False where the doctor no longer lets those words pass; the editor says why."""
    kind, language = subject.kind, subject.language
    row = Template.objects.of(kind.name, channel, language).filter(public_id=version)
    found = row.first()
    if found is None:
        raise Http404
    words = templates.words_of(found)
    known = text_form.shop(kind, language, checks.languages_of(kind))
    report = doctor.examine(kind, channel, language, words, known)
    if report.refusals:
        messages.warning(request, report.refusals[0].message)
        return False
    templates.save(
        kind.name,
        language,
        {channel: report.words},
        seen={channel: seen},
        author=user_of(request),
    )
    return True
