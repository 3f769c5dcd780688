"""Customers: find, add and change them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator

from merchant_portal.lib import text
from merchant_portal.staff import look_alikes
from merchant_portal.staff.admin.rights import (
    RightsMixin,
    address_of,
    may,
    user_of,
    with_mask,
)
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from .. import visibility
from ..models import Customer
from ..services import customers
from . import panels
from .forms import CustomerForm

ON_PAPERS, FOR_STAFF = _("On papers"), _("For staff")
HIDDEN_SETS = (ON_PAPERS, FOR_STAFF)


@admin.register(Customer)
class CustomerAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """Everybody who was ever asked to pay; nobody is deleted."""

    view_right = Right.CUSTOMERS_READ
    add_right = Right.CUSTOMERS_WRITE
    change_right = Right.CUSTOMERS_WRITE

    form = CustomerForm
    list_display = ("name_shown", "email", "phone", "language_shown", "created_at")
    list_display_links = ("name_shown",)
    list_before_template = "admin/customers/empty.html"
    change_form_after_template = "admin/customers/panels.html"
    search_fields = ("search_text",)
    search_help_text = _("Name, e-mail, phone, reference or tag")
    show_full_result_count = False
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-pk",)
    actions = None
    fieldsets = (
        (None, {"fields": ("name", "email", "phone", "preferred_channel")}),
        (_("Language and place"), {"fields": ("language", "time_zone", "country")}),
        (ON_PAPERS, {"fields": ("address", "tax_id")}),
        (FOR_STAFF, {"fields": ("tags", "note")}),
        (_("In your other systems"), {"fields": ("source", "external_ref")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Customer]:
        found = visibility.visible_to(user_of(request)).order_by("-pk")
        return with_mask(request, found).prefetch_related("contact_points")

    def get_fieldsets(
        self, request: HttpRequest, obj: Customer | None = None
    ) -> list[tuple[Any, dict[str, Any]]]:
        """Where they live and what staff noted is for who may see their addresses."""
        shown: list[tuple[Any, dict[str, Any]]] = list(self.fieldsets)
        if may(request, Right.CUSTOMERS_CONTACT):
            return shown
        return [each for each in shown if each[0] not in HIDDEN_SETS]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Customer], search_term: str
    ) -> tuple[QuerySet[Customer], bool]:
        if not search_term.strip():
            return queryset, False
        is_full = may(request, Right.CUSTOMERS_CONTACT)
        search = customers.search if is_full else customers.search_names
        return queryset.filter(pk__in=search(search_term).values("pk")), False

    @admin.display(description=_("Name"), ordering="name")
    def name_shown(self, customer: Customer) -> str:
        return text.cut(customer.name, 60)

    @admin.display(description=_("E-mail"))
    def email(self, customer: Customer) -> str:
        return address_of(customer, customers.email_of(customer))

    @admin.display(description=_("Phone"))
    def phone(self, customer: Customer) -> str:
        return address_of(customer, customers.phone_of(customer))

    @admin.display(description=_("Language"), ordering="language")
    def language_shown(self, customer: Customer) -> str:
        return customer.language.upper()

    def save_model(
        self, request: HttpRequest, obj: Customer, form: CustomerForm, change: bool
    ) -> None:
        assert isinstance(request.user, User)  # noqa: S101 - the admin is for staff
        actor = request.user.actor()
        if change:
            saved = customers.update(obj, form.data_of_customer, actor=actor)
        else:
            saved = customers.create(form.data_of_customer, actor=actor)
        obj.pk, obj.public_id = saved.pk, saved.public_id
        look_alikes.warn(request, saved.name)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *args: Any,
        obj: Customer | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        if obj is not None:
            context["customer_panels"] = panels.shown(request, obj)
        answer: HttpResponse = super().render_change_form(
            request, context, *args, obj=obj, **kwargs
        )
        return answer

    def log_addition(self, *args: Any) -> None:
        """The audit log keeps it, without the person's name."""

    def log_change(self, *args: Any) -> None:
        """The audit log keeps it, without the person's name."""
