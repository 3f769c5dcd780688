"""Reports by mail: a list, and one form for what is sent, when, and to whom."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from merchant_portal.lib.spreadsheets import Format
from merchant_portal.staff.admin.rights import RightsMixin, actor_of
from merchant_portal.staff.roles import Right

from ..models import Period, ReportSchedule, Rhythm
from ..reports.registry import REPORTS
from ..services import schedules
from . import formats
from .entry import who

FORMATS = ((Format.XLSX, gettext_lazy("Excel (XLSX)")), (Format.CSV, "CSV"))


def title(report: str, by: str) -> str:
    """What a schedule sends, for people."""
    known = REPORTS.get(report)
    if known is None or by not in known.by:
        return f"{report} {by}"
    words = {"report": known.title, "heading": known.by[by]}
    return _("%(report)s by %(heading)s") % words


def _choices() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (
            str(report.title),
            [(f"{report.name}|{by}", title(report.name, by)) for by in report.by],
        )
        for report in REPORTS.values()
    ]


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """`what`: report and heading in one, as only some go together."""

    what = forms.ChoiceField(
        label=gettext_lazy("Report"),
        choices=lazy(_choices, list),
        widget=UnfoldAdminSelectWidget,
    )
    period = forms.ChoiceField(
        label=gettext_lazy("Which days"),
        choices=Period.choices,
        initial=Period.MONTH,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy(
            "Of a report about one day it is the last of these days."
        ),
    )
    rhythm = forms.ChoiceField(
        label=gettext_lazy("How often"),
        choices=Rhythm.choices,
        initial=Rhythm.MONTHLY,
        widget=UnfoldAdminRadioSelectWidget,
        help_text=gettext_lazy(
            "In the morning, by the clock of the business. The same days are sent once."
        ),
    )
    file_format = forms.ChoiceField(
        label=gettext_lazy("File"),
        choices=FORMATS,
        initial=Format.XLSX,
        widget=UnfoldAdminRadioSelectWidget,
    )
    people = forms.MultipleChoiceField(
        label=gettext_lazy("To whom"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy(
            "Those who may read reports. Whoever loses that right gets no more of them."
        ),
    )
    is_active = forms.BooleanField(
        label=gettext_lazy("Is sent"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
    )

    class Meta:
        model = ReportSchedule
        fields: ClassVar[list[str]] = [
            *("period", "rhythm", "file_format", "is_active")
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        readers = [(person.public_id, str(person)) for person in schedules.readers()]
        self.fields["people"].choices = readers  # type: ignore[attr-defined]
        if self.instance.pk:
            chosen = self.instance.people.values_list("public_id", flat=True)
            self.initial["people"] = list(chosen)
            self.initial["what"] = f"{self.instance.report}|{self.instance.by}"

    def wanted(self) -> schedules.Wanted:
        said = self.cleaned_data
        report, _bar, by = said["what"].partition("|")
        return schedules.Wanted(
            report=report,
            by=by,
            period=Period(said["period"]),
            rhythm=Rhythm(said["rhythm"]),
            file_format=Format(said["file_format"]),
            people=tuple(schedules.readers().filter(public_id__in=said["people"])),
            is_active=said["is_active"],
        )


@admin.register(ReportSchedule)
class ReportScheduleAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.REPORTS_READ
    add_right: ClassVar[Right | None] = Right.EXPORTS_READ
    change_right: ClassVar[Right | None] = Right.EXPORTS_READ

    form = ScheduleForm
    fields = ("what", "period", "rhythm", "file_format", "people", "is_active")
    list_display = ("what_shown", "days", "how_often", "readers", "state", "next_shown")
    list_display_links = ("what_shown",)
    list_filter = ("is_active",)
    list_filter_submit = True
    list_fullwidth = True
    list_per_page = 50
    paginator = InfinitePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    ordering = ("-id",)
    sortable_by = ()
    actions = None

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReportSchedule]:
        rows: QuerySet[ReportSchedule] = super().get_queryset(request)
        return rows.prefetch_related("people")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From a report's page: that report, to oneself."""
        what = request.GET.get("what", "")
        return {"what": what, "people": [who(request).public_id]}

    def save_model(
        self,
        request: HttpRequest,
        obj: ReportSchedule,
        form: ScheduleForm,
        change: bool,
    ) -> None:
        known = ReportSchedule.objects.get(pk=obj.pk) if change else None
        saved = schedules.save(form.wanted(), actor=actor_of(request), schedule=known)
        obj.pk, obj.next_on = saved.pk, saved.next_on

    def save_related(self, *args: Any, **kwargs: Any) -> None:
        """The people are kept with the rest."""

    def response_add(
        self,
        request: HttpRequest,
        obj: ReportSchedule,
        post_url_continue: str | None = None,
    ) -> HttpResponse:
        return self._saved(request, obj)

    def response_change(
        self, request: HttpRequest, obj: ReportSchedule
    ) -> HttpResponse:
        return self._saved(request, obj)

    def _saved(self, request: HttpRequest, obj: ReportSchedule) -> HttpResponse:
        if obj.is_active:
            day = formats.day(obj.next_on)
            messages.success(request, _("Saved. The next mail comes on %s.") % day)
        else:
            messages.success(request, _("Saved. It is not sent any more."))
        return redirect("admin:links_reportschedule_changelist")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        page: HttpResponse = super().render_change_form(
            request, context, *args, **kwargs
        )
        return page

    @display(description=gettext_lazy("Report"))
    def what_shown(self, row: ReportSchedule) -> str:
        return title(row.report, row.by)

    @display(description=gettext_lazy("Which days"))
    def days(self, row: ReportSchedule) -> str:
        return str(row.get_period_display())

    @display(description=gettext_lazy("How often"))
    def how_often(self, row: ReportSchedule) -> str:
        return str(row.get_rhythm_display())

    @display(description=gettext_lazy("To whom"))
    def readers(self, row: ReportSchedule) -> str:
        return ", ".join(str(person) for person in row.people.all())

    @display(
        description=gettext_lazy("State"), label={True: "success", False: "default"}
    )
    def state(self, row: ReportSchedule) -> tuple[bool, str]:
        return row.is_active, _("Is sent") if row.is_active else _("Stopped")

    @display(description=gettext_lazy("Next mail"))
    def next_shown(self, row: ReportSchedule) -> str:
        return formats.day(row.next_on) if row.is_active else formats.NOTHING
