"""The form with which staff stop writing to an address."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from customers.services import contacts
from merchant_portal.lib import text

from ..models import ChannelName, OptOut
from . import undelivered_words as words

MAX_REASON = 200


class StopForm(forms.ModelForm):  # type: ignore[type-arg]
    channel = forms.ChoiceField(
        label=_("Channel"), choices=ChannelName.choices, widget=UnfoldAdminSelectWidget
    )
    address = forms.CharField(
        label=_("Address or phone number"),
        max_length=contacts.MAX_TYPED,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("A number with its country code, like +1 415 555 0100."),
    )
    scope = forms.ChoiceField(
        label=_("What is stopped"),
        initial=OptOut.Scope.ALL,
        choices=[
            (scope, words.EFFECTS[scope])
            for scope in (OptOut.Scope.ALL, OptOut.Scope.ASKING, OptOut.Scope.REMINDERS)
        ],
        widget=UnfoldAdminRadioSelectWidget,
    )
    detail = forms.CharField(
        label=_("Why"),
        widget=UnfoldAdminTextInputWidget,
        help_text=_("For your colleagues, in a few words."),
    )

    class Meta:
        model = OptOut
        fields: ClassVar[list[str]] = ["channel", "address", "scope", "detail"]

    def clean_detail(self) -> str:
        try:
            return text.clean_line(self.cleaned_data["detail"], MAX_REASON)[:300]
        except text.TextError as exc:
            raise forms.ValidationError(str(exc)) from exc

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or {}
        if said.get("address") and said.get("channel"):
            is_mail = said["channel"] == ChannelName.EMAIL
            parse = contacts.parse_email if is_mail else contacts.parse_phone
            try:
                said["address"] = parse(said["address"])
            except contacts.ContactError as exc:
                self.add_error("address", str(exc))
        return said

    def _get_validation_exclusions(self) -> set[str]:
        """What is stopped already may be stopped again: it is harmless."""
        exclusions = super()._get_validation_exclusions()  # type: ignore[misc]
        return {*exclusions, "address"}
