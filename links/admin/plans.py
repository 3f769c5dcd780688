"""Reminder plans and their steps; one plan is the default."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from merchant_portal.audit import services as audit
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.roles import Right

from ..models import ReminderPlan, ReminderStep
from .entry import who


class PlanForm(forms.ModelForm):  # type: ignore[type-arg]
    """Taking over as the default is no mistake: the admin takes it from the other."""

    def clean_is_default(self) -> bool:
        wanted: bool = self.cleaned_data["is_default"]
        if self.instance.pk and self.initial.get("is_default") and not wanted:
            raise ValidationError(
                _("One plan is always the default. Make another one the default.")
            )
        return wanted

    def validate_constraints(self) -> None:
        try:
            self.instance.validate_constraints(exclude={"is_default", "public_id"})
        except ValidationError as exc:
            self.add_error(None, exc)


class StepInline(RightsMixin, TabularInline):  # type: ignore[misc]
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
    fields = ("name", "is_default")
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
        if obj.is_default:
            ReminderPlan.objects.exclude(pk=obj.pk).update(is_default=False)
        super().save_model(request, obj, form, change)
        audit.record(
            who(request).actor().id,
            "reminder_plan.changed" if change else "reminder_plan.created",
            obj.public_id,
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
