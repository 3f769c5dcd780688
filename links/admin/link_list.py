"""The list of payment links, and the address of every page and act of a link."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.paginator import InfinitePaginator

from merchant_portal.lib import clock
from merchant_portal.staff.admin.rights import RightsMixin, may
from merchant_portal.staff.roles import Right

from ..models import PaymentLink
from ..services import news, totals
from . import (
    acts,
    bulk,
    correspondence,
    create,
    finding,
    formats,
    link_page,
    outgoing,
    papers,
    pasting,
    picking,
    preview,
    reminder_acts,
    replies,
    sends,
    share_acts,
    statement_page,
    task_acts,
    website,
)
from .columns import LinkColumns
from .entry import who
from .report_filter import FromReportMixin, behind

VIEWS = (
    ("add/", "add", create.add_view),
    ("add/customers/", "customers", picking.options),
    ("add/totals/", "totals", create.totals_view),
    ("add/lines/", "lines", pasting.view),
    ("add/preview/", "preview", preview.form_view),
    ("add/preview/mail/", "preview_mail", preview.form_mail_view),
    ("<int:pk>/change/", "change", link_page.page_view),
    ("<int:pk>/live/", "live", link_page.live_view),
    ("<int:pk>/preview/", "preview_of", preview.link_view),
    ("<int:pk>/qr.svg", "code", papers.code_view),
    ("<int:pk>/letter.pdf", "letter", papers.letter_view),
    ("<int:pk>/qr.png", "code_png", papers.code_png_view),
    ("<int:pk>/website/", "website", website.website_view),
    ("<int:pk>/website/button/", "button", website.button_view),
    ("<int:pk>/mail/", "mail", preview.link_mail_view),
    ("<int:pk>/activate/", "activate", acts.activate_view),
    ("<int:pk>/send/", "send", sends.send_view),
    ("<int:pk>/sends/<int:plan_pk>/", "planned", sends.planned_view),
    ("<int:pk>/recall/", "recall", sends.recall_view),
    ("<int:pk>/share/", "share", share_acts.share_view),
    ("<int:pk>/edit/", "edit", acts.edit_view),
    ("<int:pk>/cancel/", "cancel", acts.cancel_view),
    ("<int:pk>/extend/", "extend", acts.extend_view),
    ("<int:pk>/record-payment/", "record", acts.record_view),
    ("<int:pk>/replies/<int:reply_pk>/", "answer", acts.answer_view),
    ("<int:pk>/replies/<int:reply_pk>/file/", "proof", replies.proof_view),
    ("<int:pk>/pause/", "pause", reminder_acts.pause_view),
    ("<int:pk>/resume/", "resume", reminder_acts.resume_view),
    ("<int:pk>/plan/", "plan", reminder_acts.plan_view),
    ("<int:pk>/tasks/", "new_task", task_acts.add_view),
    ("<int:pk>/tasks/<int:task_pk>/", "task", task_acts.task_view),
    (
        "of-customer/<int:pk>/reminders/",
        "customer_reminders",
        reminder_acts.customer_view,
    ),
    ("<int:pk>/correct/", "correct", create.correct_view),
)
OF_CUSTOMERS = (
    ("<int:pk>/statement/", "links_statement", statement_page.page_view),
    ("<int:pk>/statement.pdf", "links_statement_pdf", statement_page.pdf_view),
    ("<int:pk>/statement.csv", "links_statement_csv", statement_page.csv_view),
    ("<int:pk>/messages/", "links_correspondence", correspondence.page_view),
)
TABS = (
    ("", _("All")),
    ("status__exact=draft", _("Drafts")),
    ("status__exact=active", _("Waiting")),
    ("due=overdue", _("Overdue")),
    ("status__exact=paid", _("Paid")),
    ("status__exact=expired", _("Expired")),
    ("status__exact=canceled", _("Canceled")),
)


@admin.register(PaymentLink)
class PaymentLinkAdmin(RightsMixin, FromReportMixin, ModelAdmin):  # type: ignore[misc]
    """A changelist; every other page of a link is a plain view."""

    view_right: ClassVar[Right] = Right.LINKS_READ
    add_right = Right.LINKS_WRITE
    change_right = Right.LINKS_WRITE

    list_before_template = "admin/links/paymentlink/tabs.html"
    list_filter = (
        "status",
        finding.CurrencyFilter,
        finding.DueFilter,
        ("due_on", RangeDateFilter),
        behind(PaymentLink),
    )
    list_filter_submit = True
    list_fullwidth = True
    list_select_related = ("customer",)
    list_per_page = 100
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-created_at", "-id")
    search_fields = ("number",)
    search_help_text = _("Number, customer, e-mail or amount")
    actions = ("send_to_many",)
    list_disable_select_all = True  # the list does not know how many there are
    show_add_link = False  # the page has a button with words

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[PaymentLink]:
        links: QuerySet[PaymentLink] = super().get_queryset(request)
        visible: QuerySet[PaymentLink] = links.visible_to(who(request))  # type: ignore[attr-defined]
        return outgoing.with_next_send(visible)

    def get_list_display(self, request: HttpRequest) -> tuple[object, ...]:
        now = clock.now()
        zone = formats.business_zone()
        return LinkColumns(zone, totals.business_day(now, zone)).all()

    def get_urls(self) -> list[URLPattern]:
        """The list is Django's; what it would answer for one link is ours."""
        ours = [
            path(
                route,
                self.admin_site.admin_view(view),
                name=f"links_paymentlink_{name}",
            )
            for route, name, view in VIEWS
        ]
        theirs = [
            pattern
            for pattern in super().get_urls()
            if pattern.name == "links_paymentlink_changelist"
        ]
        of_customers = [
            path(f"of-customer/{route}", self.admin_site.admin_view(view), name=name)
            for route, name, view in OF_CUSTOMERS
        ]
        many = path(
            "send-to-all/",
            self.admin_site.admin_view(self.all_view),
            name="links_paymentlink_all",
        )
        return [*theirs, many, *of_customers, *ours]

    def has_send_permission(self, request: HttpRequest) -> bool:
        return may(request, Right.LINKS_WRITE)

    @admin.action(description=_("Send to many"), permissions=["send"])
    def send_to_many(
        self, request: HttpRequest, chosen: QuerySet[PaymentLink]
    ) -> HttpResponse:
        """Nothing leaves before the next page is confirmed."""
        return bulk.prepare(request, chosen)

    def all_view(self, request: HttpRequest) -> HttpResponse:
        """As the action, for all links that match the filters of the address."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_send_permission(request):
            return HttpResponse(status=403)
        try:
            shown = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect("admin:links_paymentlink_changelist")
        return bulk.prepare(request, shown.get_queryset(request))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Looks for news by itself; what is new comes as the rows alone, else 204."""
        seen = news.digest(who(request))
        is_look = "HX-Request" in request.headers
        if is_look and request.headers.get("X-Seen") == seen:
            return HttpResponse(status=204)
        query = request.GET.urlencode()
        context = {
            "seen": seen,
            "title": _("Payment links"),
            "query": query,
            "may_send": self.has_send_permission(request),
            "status_tabs": [(f"?{tab}", name, tab == query) for tab, name in TABS],
            **(extra_context or {}),
        }
        answer: HttpResponse = super().changelist_view(request, context)
        if is_look and isinstance(answer, TemplateResponse):
            answer.template_name = "admin/links/paymentlink/list_news.html"
        return answer

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[PaymentLink],
        search_term: str,
    ) -> tuple[QuerySet[PaymentLink], bool]:
        by_address = may(request, Right.CUSTOMERS_CONTACT)
        return finding.search(queryset, search_term, by_address=by_address), False
