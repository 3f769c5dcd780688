"""Reminder plans and their steps; one plan is the default."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, StackedInline
from unfold.decorators import display
from unfold.widgets import UnfoldBooleanWidget

from merchant_portal.audit import services as audit
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import ReminderPlan, ReminderStep
from .entry import who


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    """A plan may take over as the default; the default itself cannot step down."""

    make_default = forms.BooleanField(
        label=gettext_lazy("Default"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=gettext_lazy("Used for every link that names no other plan."),
    )

    class Meta:
        model = ReminderPlan
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.is_default and "make_default" in self.fields:
            field = self.fields["make_default"]
            field.initial, field.disabled = True, True
            field.help_text = _(
                "One plan is always the default. Make another one the default instead."
            )


class StepInline(RightsMixin, StackedInline):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.LINKS_READ
    add_right = change_right = delete_right = Right.PLANS_WRITE
    model = ReminderStep
    extra = 0
    fields = ("anchor", "offset_days", "local_time")


@admin.register(ReminderPlan)
class ReminderPlanAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right: ClassVar[Right] = Right.LINKS_READ
    add_right = change_right = Right.PLANS_WRITE

    form = PlanForm
    readonly_fields = ("default_label",)
    inlines = (StepInline,)
    list_display = ("name", "default_label", "steps_shown")
    ordering = ("name",)
    sortable_by = ()
    actions = None

    @display(description=gettext_lazy("Default"), label={"yes": "success"})
    def default_label(self, plan: ReminderPlan) -> tuple[str, str] | None:
        return ("yes", _("Default")) if plan.is_default else None

    @display(description=gettext_lazy("Steps"))
    def steps_shown(self, plan: ReminderPlan) -> str:
        return " · ".join(_in_words(step) for step in plan.steps.all())

    def get_fields(
        self, request: HttpRequest, obj: ReminderPlan | None = None
    ) -> tuple[str, ...]:
        may_change = self.has_change_permission(request, obj)
        return ("name", "make_default" if may_change else "default_label")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("steps")

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
        audit.record(
            who(request).actor().id,
            "reminder_plan.changed" if change else "reminder_plan.created",
            form.instance.public_id,
            fields=form.changed_data,
        )


def _in_words(step: ReminderStep) -> str:
    days = abs(step.offset_days)
    if step.anchor == "sent":
        return _("%s days after sending") % days
    if days == 0:
        return _("on the due date")
    words = (
        _("%s days before it is due") if step.offset_days < 0 else _("%s days after")
    )
    return words % days
