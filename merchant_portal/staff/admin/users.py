"""Staff: invite, change role, switch off, help with passwords and lost phones."""

from typing import Any, ClassVar

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from merchant_portal.lib import text
from merchant_portal.lib.actors import Actor

from .. import second_factor, step_up
from ..models import User
from ..roles import Right, Role
from ..services import people, sessions
from . import panels
from .rights import RightsMixin, actor_of

ROLE_COLOURS = {
    Role.OWNER: "primary",
    Role.MANAGER: "info",
    Role.AGENT: "success",
    Role.FINANCE: "warning",
}


class UserForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who somebody is and what they may do; `actor` is set by the admin."""

    actor: ClassVar[Actor]

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["email", "name", "role", "is_active"]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].strip().lower()
        if (
            User.objects.filter(email__iexact=email)
            .exclude(pk=self.instance.pk)
            .exists()
        ):
            raise forms.ValidationError(
                gettext("Somebody with this address works here already.")
            )
        return email

    def clean_name(self) -> str:
        try:
            return text.clean_line(self.cleaned_data["name"])
        except text.TextError as exc:
            raise forms.ValidationError(str(exc)) from exc

    def clean(self) -> dict[str, Any]:
        """Refuse what would leave no owner; the admin's transaction holds the lock."""
        cleaned: dict[str, Any] = super().clean() or {}
        role, is_active = cleaned.get("role"), cleaned.get("is_active", True)
        if self.instance.pk and role:
            current = User.objects.get(pk=self.instance.pk)
            try:
                people.refuse_bad_change(current, role, is_active, actor=self.actor)
            except people.StaffError as exc:
                self.add_error(exc.field or None, str(exc))
        return cleaned


@admin.register(User)
class UserAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """Everybody with an account here; accounts are switched off, never deleted."""

    view_right = Right.STAFF_READ
    add_right = Right.STAFF_WRITE
    change_right = Right.STAFF_WRITE

    form = UserForm
    list_display = (
        "person",
        "email",
        "role_label",
        "may_sign_in",
        "two_factor",
        "last_login",
    )
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    search_help_text = _("Search by name or address")
    show_full_result_count = False
    ordering = ("name", "email")
    actions = None
    actions_detail = ("send_link", "forget_phone", "sign_out")
    change_form_after_template = "admin/staff/user/panels.html"

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if self.has_add_permission(request) and (proof := step_up.ask(request)):
            return proof
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        is_change = request.method == "POST" and self.has_change_permission(request)
        if is_change and (proof := step_up.ask(request)):
            return proof
        answer: HttpResponse = super().change_view(
            request, object_id, form_url, extra_context
        )
        return answer

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        apps = Authenticator.objects.filter(
            user_id=OuterRef("pk"), type__in=second_factor.KINDS
        )
        found: QuerySet[User] = super().get_queryset(request)
        return found.annotate(has_second_factor=Exists(apps))

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = ["email", "name", "role"]
        return [*fields, "is_active"] if obj else fields

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: User | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        if obj is not None:
            context["staff_panels"] = panels.shown(request, obj)
        answer: HttpResponse = super().render_change_form(
            request, context, *args, obj=obj, **kwargs
        )
        return answer

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> list[str]:
        """The address is who they are: another one is another account."""
        return ["email"] if obj else []

    def get_form(
        self,
        request: HttpRequest,
        obj: User | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> type[UserForm]:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"actor": actor_of(request)})

    def save_model(
        self, request: HttpRequest, obj: User, form: UserForm, change: bool
    ) -> None:
        actor, role = actor_of(request), Role(obj.role)
        if change:
            people.change(
                obj, role=role, is_active=obj.is_active, name=obj.name, actor=actor
            )
            return
        invited = people.invite(obj.email, obj.name, role, actor=actor)
        obj.pk, obj.public_id = invited.pk, invited.public_id
        messages.info(
            request, gettext("A mail with a link for setting a password is on its way.")
        )

    @display(description=_("Name"), ordering="name")
    def person(self, obj: User) -> str:
        return str(obj)

    @display(
        description=_("Role"),
        ordering="role",
        label={str(Role(role).label): colour for role, colour in ROLE_COLOURS.items()},
    )
    def role_label(self, obj: User) -> str:
        return str(Role(obj.role).label)

    @display(description=_("May sign in"), ordering="is_active", boolean=True)
    def may_sign_in(self, obj: User) -> bool:
        return obj.is_active

    @display(description=_("Two-factor"), boolean=True)
    def two_factor(self, obj: User) -> bool:
        return bool(getattr(obj, "has_second_factor", False))

    @action(
        description=_("Send a password link"),
        icon="mail",
        permissions=["change"],
        dialog={
            "title": gettext_lazy("Send a password link"),
            "description": gettext_lazy(
                "They get a mail with a link for setting a password. It is good once,"
                " for a day. Two-factor sign-in stays as it is."
            ),
            "form_submit_text": gettext_lazy("Send"),
        },
    )
    def send_link(
        self, request: HttpRequest, form: forms.Form, object_id: str
    ) -> HttpResponse:
        user = get_object_or_404(User, pk=object_id, is_active=True)
        people.send_password_link(user)
        messages.success(request, gettext("The mail is on its way."))
        return _back_to(user)

    @action(
        description=_("Forget two-factor"),
        icon="phonelink_erase",
        permissions=["change"],
        dialog={
            "title": gettext_lazy("Forget two-factor sign-in"),
            "description": gettext_lazy(
                "For a lost phone: their app and recovery codes stop working, they are"
                " signed out everywhere, and they set it up anew. First make sure that"
                " it is really them who asks."
            ),
            "form_submit_text": gettext_lazy("Forget it"),
        },
    )
    def forget_phone(
        self, request: HttpRequest, form: forms.Form, object_id: str
    ) -> HttpResponse:
        if proof := step_up.ask(request):
            return proof
        user = get_object_or_404(User, pk=object_id)
        if people.remove_second_factor(user, actor=actor_of(request)):
            messages.success(
                request, gettext("They set it up anew at the next sign-in.")
            )
        else:
            messages.info(request, gettext("It was not set up."))
        return _back_to(user)

    @action(
        description=_("Sign out everywhere"),
        icon="logout",
        permissions=["change"],
        dialog={
            "title": gettext_lazy("Sign out everywhere"),
            "description": gettext_lazy(
                "Their sessions end on every device. They can sign in again at once;"
                " switch the account off if they must not."
            ),
            "form_submit_text": gettext_lazy("Sign out"),
        },
    )
    def sign_out(
        self, request: HttpRequest, form: forms.Form, object_id: str
    ) -> HttpResponse:
        user = get_object_or_404(User, pk=object_id)
        sessions.end_all(user, actor=actor_of(request))
        messages.success(request, gettext("They are signed out everywhere."))
        return _back_to(user)


@panels.register
def sessions_of(request: HttpRequest, user: User) -> SafeString:
    """Where they are signed in, to read."""
    rows = [
        {"session": each, "device": sessions.device_of(each)}
        for each in sessions.alive(user)
    ]
    template = "admin/staff/user/sessions.html"
    return render_to_string(template, {"rows": rows}, request=request)


def _back_to(user: User) -> HttpResponse:
    """Dialogs post by HTMX, which goes where this header says."""
    address = reverse("admin:staff_user_change", args=[user.pk])
    return HttpResponse(headers={"HX-Redirect": address})
