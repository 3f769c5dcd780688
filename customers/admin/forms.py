"""One form for a customer with their addresses as plain fields."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from merchant_portal.business import choices

from ..models import Customer, PreferredChannel
from ..services import customers
from ..services.customers import CustomerData

_UNSAID = ("", _("As the business"))


class CustomerForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks everything by the service, and names every wrong field at once."""

    name = forms.CharField(
        label=_("Name"),
        strip=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    email = forms.CharField(
        label=_("E-mail"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "email"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        required=False,
        help_text=_("With country code, like +44 7400 123456, or choose the country."),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "tel"}),
    )
    preferred_channel = forms.ChoiceField(
        label=_("Preferred channel"),
        required=False,
        choices=PreferredChannel.choices,
        widget=UnfoldAdminSelectWidget,
    )
    language = forms.ChoiceField(
        label=_("Language"), required=False, widget=UnfoldAdminSelectWidget
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), required=False, widget=UnfoldAdminSelectWidget
    )
    country = forms.ChoiceField(
        label=_("Country"), required=False, widget=UnfoldAdminSelectWidget
    )
    address = forms.CharField(
        label=_("Postal address"),
        required=False,
        strip=False,
        help_text=_("Printed on invoices and letters, below the name."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        help_text=_("Separated by commas."),
        widget=UnfoldAdminTextInputWidget,
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        strip=False,
        help_text=_("Only staff see it."),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    class Meta:
        model = Customer
        fields: ClassVar[list[str]] = [
            "name",
            "email",
            "phone",
            "preferred_channel",
            "language",
            "time_zone",
            "country",
            "address",
            "tax_id",
            "source",
            "external_ref",
            "tags",
            "note",
        ]
        labels: ClassVar[dict[str, Any]] = {
            "source": _("System"),
            "tax_id": _("Tax number"),
        }
        help_texts: ClassVar[dict[str, Any]] = {
            "source": _("Where this customer came from, such as your CRM."),
            "external_ref": _("Their number or id in that system."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["email"] = customers.email_of(self.instance)
            self.initial["phone"] = customers.phone_of(self.instance)
            self.initial["tags"] = ", ".join(self.instance.tags)
        offered: dict[str, Callable[[], list[tuple[str, str]]]] = {
            "language": choices.languages,
            "time_zone": choices.time_zones,
            "country": lambda: choices.countries(get_language() or "en"),
        }
        for name, values in offered.items():
            field = self.fields.get(name)
            if isinstance(field, forms.ChoiceField):
                field.choices = [_UNSAID, *values()]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.data_of_customer = self._checked(
            CustomerData(
                name=cleaned.get("name", ""),
                email=cleaned.get("email", ""),
                phone=cleaned.get("phone", ""),
                language=cleaned.get("language", ""),
                time_zone=cleaned.get("time_zone", ""),
                country=cleaned.get("country", ""),
                preferred_channel=cleaned.get("preferred_channel", ""),
                source=cleaned.get("source", ""),
                external_ref=cleaned.get("external_ref", ""),
                tags=cleaned.get("tags", "").split(","),
                note=cleaned.get("note", ""),
                address=cleaned.get("address", ""),
                tax_id=cleaned.get("tax_id", ""),
            )
        )
        cleaned["tags"] = list(self.data_of_customer.tags)
        return cleaned

    def _checked(self, data: CustomerData) -> CustomerData:
        found = customers.problems(data)
        for problem in found:
            if not self.has_error(problem.field):
                self.add_error(problem.field or None, str(problem))
        if {"source", "external_ref"} & {problem.field for problem in found}:
            return data
        same = Customer.objects.filter(
            source=data.source.strip(), external_ref=data.external_ref.strip()
        ).exclude(pk=self.instance.pk)
        if data.external_ref.strip() and same.exists():
            self.add_error(
                "external_ref",
                _("A customer with this reference of this system is known already."),
            )
        return data
