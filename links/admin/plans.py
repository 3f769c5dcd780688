"""Reminder plans and their steps; one plan is the default."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right
from notifications.models import ChannelName

from ..models import TASK_RUNG, ReminderPlan, ReminderStep, StepAct
from ..models.reminders import RUNGS, check_ladder
from ..services import planning
from ..services.rehearsal import Edited
from . import rehearsal_page, typed
from .entry import who

REHEARSE = "_rehearse"
# the button of the form that shows and does not save


class LadderField(forms.TypedMultipleChoiceField):
    """The ways to try, always in the order in which they are written."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def __init__(self, **kwargs: Any) -> None:
        names = {**dict(ChannelName.choices), TASK_RUNG: gettext_lazy("Task for staff")}
        choices = [(rung, names[rung]) for rung in RUNGS]
        super().__init__(choices=choices, required=False, **kwargs)

    def clean(self, value: Any) -> list[str]:
        ladder = [
            rung for rung in RUNGS if rung in super(LadderField, self).clean(value)
        ]
        check_ladder(ladder)
        return ladder


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    """A plan may take over as the default; the default itself cannot step down."""

    ladder = LadderField(
        label=gettext_lazy("Ways to try, one after the other"),
        help_text=gettext_lazy(
            "When a message comes back, or is not delivered in time, the next one is"
            " tried. Nothing ticked: the ways of the last send, all at once."
        ),
    )
    make_default = forms.BooleanField(
        label=gettext_lazy("Default"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy("Used for every link that names no other plan."),
    )

    class Meta:
        model = ReminderPlan
        fields = ("name", "ladder", "ladder_hours", "is_together")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.is_default and "make_default" in self.fields:
            field = self.fields["make_default"]
            field.initial, field.disabled = True, True
            field.help_text = _(
                "One plan is always the default. Make another one the default instead."
            )


class StepForm(forms.ModelForm):  # type: ignore[type-arg]
    ladder = LadderField(
        label=gettext_lazy("Other ways than the plan's"),
        help_text=gettext_lazy("Nothing ticked: as the plan says."),
    )
    late_fee = forms.CharField(
        label=gettext_lazy("Late fee"),
        required=False,
        max_length=20,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text=gettext_lazy(
            "In your own currency, asked with this reminder where the due date has"
            " passed. Only where your terms and the law allow it."
        ),
    )
    interest = forms.CharField(
        label=gettext_lazy("Interest, percent a year"),
        required=False,
        max_length=6,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text=gettext_lazy("Of what is open, for the days since the due date."),
    )

    class Meta:
        model = ReminderStep
        fields = ("anchor", "offset_days", "local_time", "act", "tone", "ladder")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        step = self.instance
        if step.fee_minor:
            money = Money(step.fee_minor, Business.objects.current().currency)
            self.fields["late_fee"].initial = str(money.decimal)
        if step.interest_bp:
            self.fields["interest"].initial = f"{step.interest_bp / 100:g}"

    def clean_late_fee(self) -> int:
        typed_fee = self.cleaned_data["late_fee"].strip()
        if not typed_fee:
            return 0
        return self._read(
            lambda: typed.amount_minor(typed_fee, Business.objects.current().currency)
        )

    def clean_interest(self) -> int:
        return self._read(lambda: typed.basis_points(self.cleaned_data["interest"]))

    @staticmethod
    def _read(read: Callable[[], int]) -> int:
        try:
            return read()
        except typed.TypedError as exc:
            raise forms.ValidationError(str(exc)) from exc

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        fee, interest = data.get("late_fee", 0), data.get("interest", 0)
        if (fee or interest) and data.get("act") == StepAct.TASK:
            self.add_error("late_fee", _("A task for staff asks the customer nothing."))
        self.instance.fee_minor, self.instance.interest_bp = fee, interest
        return data


class StepInline(RightsMixin, StackedInline):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.LINKS_READ
    add_right = change_right = delete_right = Right.PLANS_WRITE
    model = ReminderStep
    form = StepForm
    extra = 0
    fields = (
        ("anchor", "offset_days"),
        ("local_time", "act"),
        "tone",
        "ladder",
        ("late_fee", "interest"),
    )


@admin.register(ReminderPlan)
class ReminderPlanAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.LINKS_READ
    add_right = change_right = Right.PLANS_WRITE

    form = PlanForm
    readonly_fields = ("default_label", "ways_shown")
    inlines = (StepInline,)
    list_display = ("name", "default_label", "steps_shown", "foretold")
    ordering = ("name",)
    sortable_by = ()
    actions = None
    change_form_after_template = "admin/links/reminderplan/rehearse.html"
    list_before_template = "admin/links/reminderplan/about.html"

    class Media:
        css = {"all": ["portal/links.css"]}

    def get_urls(self) -> list[URLPattern]:
        views = (
            ("rehearsal/", "rehearsal", rehearsal_page.all_view),
            ("<int:pk>/rehearsal/", "rehearsal_of", rehearsal_page.plan_view),
        )
        ours = [
            path(
                route,
                self.admin_site.admin_view(view),
                name=f"links_reminderplan_{name}",
            )
            for route, name, view in views
        ]
        return [*ours, *super().get_urls()]

    @display(description=gettext_lazy("Default"), label={"yes": "success"})
    def default_label(self, plan: ReminderPlan) -> tuple[str, str] | None:
        return ("yes", _("Default")) if plan.is_default else None

    @display(description=gettext_lazy("Ways to try"))
    def ways_shown(self, plan: ReminderPlan) -> str:
        names = {**dict(ChannelName.choices), TASK_RUNG: _("Task for staff")}
        return " → ".join(str(names[rung]) for rung in plan.ladder) or _("As last sent")

    @display(description=gettext_lazy("Steps"))
    def steps_shown(self, plan: ReminderPlan) -> str:
        return " · ".join(str(step) for step in plan.steps.all())

    @display(description=gettext_lazy("Rehearsal"))
    def foretold(self, plan: ReminderPlan) -> SafeString:
        url = reverse("admin:links_reminderplan_rehearsal_of", args=[plan.pk])
        return format_html(
            '<a class="mp-link mp-nowrap" href="{}">{}</a>', url, _("The next 30 days")
        )

    def get_fields(
        self, request: HttpRequest, obj: ReminderPlan | None = None
    ) -> tuple[str, ...]:
        if self.has_change_permission(request, obj):
            return ("name", "make_default", "ladder", "ladder_hours", "is_together")
        return ("name", "default_label", "ways_shown", "ladder_hours", "is_together")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("steps")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method == "POST" and REHEARSE in request.POST:
            edited = self._edited(request, object_id)
            if edited is not None:
                return rehearsal_page.edited_view(request, edited)
        answer: HttpResponse = super().changeform_view(
            request, object_id, form_url, extra_context
        )
        return answer

    def _edited(self, request: HttpRequest, object_id: str | None) -> Edited | None:
        """The plan as it stands in the form, nothing saved; None where the form has
        mistakes, which the page of the form then shows."""
        obj = self.get_object(request, object_id) if object_id else ReminderPlan()
        if obj is None:
            raise Http404
        form = self.get_form(request, obj)(request.POST, instance=obj)
        formsets, _inlines = self._create_formsets(request, obj, bool(object_id))
        if not all([form.is_valid(), *(formset.is_valid() for formset in formsets)]):
            return None
        [steps] = formsets
        kept = [
            row.instance
            for row in steps.forms
            if row not in steps.deleted_forms and (row.instance.pk or row.has_changed())
        ]
        for number, step in enumerate(kept, start=1):
            step.pk = step.pk or -number
        return Edited(obj, kept, takes_over=bool(form.cleaned_data["make_default"]))

    @transaction.atomic
    def save_model(
        self,
        request: HttpRequest,
        obj: ReminderPlan,
        form: "forms.ModelForm[ReminderPlan]",
        change: bool,
    ) -> None:
        if form.cleaned_data["make_default"]:
            obj.is_default = True
            ReminderPlan.objects.exclude(pk=obj.pk).update(is_default=False)
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:
        super().save_related(request, form, formsets, change)
        planning.follow(form.instance)
        audit.record(
            who(request).actor().id,
            "reminder_plan.changed" if change else "reminder_plan.created",
            form.instance.public_id,
            fields=form.changed_data,
        )
