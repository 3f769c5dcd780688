"""Checking the whole audit log from a page, some thousand entries a request."""

from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from merchant_portal.audit import heads, verifying
from merchant_portal.audit import services as audit
from merchant_portal.audit.heads import Head, MalformedHead
from merchant_portal.audit.models import AuditEntry

from ..roles import Right
from .rights import actor_of, needs

STEP = 20_000
# entries a request: a second or two
MOST_SHOWN = 50
WALK = "audit_walk"
ACT = "audit.verified"


@dataclass(slots=True)
class Check:
    """How far a check has come: it waits in the session between two steps."""

    entries: int = 0
    sequence: int = 0
    hash: str = ""
    total: int = 0
    wrong: int = 0
    findings: list[str] = field(default_factory=list)
    is_done: bool = False

    @property
    def percent(self) -> int:
        if self.is_done:
            return 100
        return min(99, 100 * self.sequence // max(self.total, 1))

    def note(self, problem: str) -> None:
        self.wrong += 1
        if len(self.findings) < MOST_SHOWN:
            self.findings.append(problem)


@require_http_methods(["GET", "POST"])
@needs(Right.AUDIT_READ)
def verify_view(request: HttpRequest) -> HttpResponse:
    """GET shows what the last check found; POST begins one (`start`) or goes on."""
    check: Check | None = None
    if request.method == "POST":
        kept = request.session.get(WALK)
        check = Check(**kept) if kept and "start" not in request.POST else _begun()
        if not check.is_done:
            _go_on(check)
            if check.is_done:
                _record(request, check)
        request.session[WALK] = asdict(check)
    context = {"check": check, "last": _last()}
    if "HX-Request" in request.headers:
        return render(request, "admin/staff/auditlog/progress.html", context)
    frame = {**admin.site.each_context(request), "title": _("Check the audit log")}
    return render(request, "admin/staff/auditlog/verify.html", {**frame, **context})


def _begun() -> Check:
    newest = AuditEntry.objects.order_by("-sequence").first()
    check = Check(total=newest.sequence if newest else 0)
    for problem in _malformed():
        check.note(problem)
    return check


def _go_on(check: Check) -> None:
    walk = verifying.Walk(entries=check.entries, sequence=check.sequence)
    if check.hash:
        walk.hash = check.hash
    known = sorted(_heads(), key=lambda head: (head.sequence, head.on))
    due = [head for head in known if head.sequence > check.sequence or not check.hash]
    for finding in verifying.verify(due, walk, most=STEP):
        check.note(str(finding))
    check.entries, check.sequence, check.hash = walk.entries, walk.sequence, walk.hash
    check.is_done = walk.is_done


def _heads() -> list[Head]:
    found = []
    for head in heads.stored():
        try:
            found.append(heads.parse(head.line()))
        except MalformedHead:
            continue  # told of by _malformed, once
    return found


def _malformed() -> list[str]:
    problems = []
    for head in heads.stored():
        try:
            heads.parse(head.line())
        except MalformedHead as exc:
            problems.append(f"head of {head.on}: {exc}")
    return problems


def _record(request: HttpRequest, check: Check) -> None:
    with transaction.atomic():
        audit.record(
            actor_of(request).id,
            ACT,
            "audit",
            entries=check.entries,
            findings=check.wrong,
        )


def _last() -> dict[str, Any] | None:
    """When it was checked from here before, and what came of it."""
    found = AuditEntry.objects.filter(object_id="audit", action=ACT)
    entry = found.order_by("-id").first()
    return {"at": entry.at, **entry.details} if entry else None
