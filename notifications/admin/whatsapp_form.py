"""What owners enter of a text that WhatsApp has approved, and what is checked of it."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from .. import kinds
from ..models import Category, ChannelName, WhatsAppTemplate
from ..services import placeholders, rendering
from ..services.whatsapp import HOLE, Example, example
from .labels import kind_title

MAX_BODY = 1024
# WhatsApp's own limit of an approved text
MAX_VALUES = 20
SID = re.compile(r"HX[0-9a-fA-F]{32}\Z")
_LOOKS = frozenset({"brand_color", "brand_ink"})  # colours, for mails only
_LINKS = ("link_url", "link_path")


def kinds_offered() -> list[tuple[str, str]]:
    """Kinds of messages that customers get."""
    return [
        (kind.name, kind_title(kind.name))
        for kind in kinds.all_kinds()
        if ChannelName.WHATSAPP in kind.channels and kind.category != Category.SIGN_IN
    ]


def names_of(kind: str) -> list[str]:
    """What may fill a value of that kind, links first."""
    known = kinds.get(kind).placeholders | (rendering.COMMON - _LOOKS)
    return [*_LINKS, *sorted(known)]


def sample_of(kind: str, language: str) -> dict[str, str]:
    """Made-up values of that kind in that language, links included."""
    link = f"{settings.PUBLIC_URL}/p/{'Example' * 3}0/"
    urls = {name: f"{{{name}}}" for name in _LINKS}
    values = {**rendering.common_values(), **kinds.get(kind).sample(language)}
    values |= {
        name: placeholders.fill_late(hole, {"link_url": link})
        for name, hole in urls.items()
    }
    return values


def example_of(template: WhatsAppTemplate) -> Example:
    return example(template, sample_of(template.kind, template.language))


class WhatsAppTemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind of message"), widget=UnfoldAdminSelectWidget
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), widget=UnfoldAdminSelectWidget
    )
    content_sid = forms.CharField(
        label=gettext_lazy("Content SID"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "HX…", "autocomplete": "off", "spellcheck": "false"}
        ),
        help_text=gettext_lazy(
            "From Twilio's Content Template Builder, once WhatsApp has approved the text."
        ),
    )
    body = forms.CharField(
        label=gettext_lazy("Approved text"),
        max_length=MAX_BODY,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 5}),
        help_text=gettext_lazy(
            "Word for word as it was approved, with {{1}}, {{2}} … where values go:"
            " this is what the mailbox shows."
        ),
    )
    values = forms.CharField(
        label=gettext_lazy("Values"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text=gettext_lazy(
            "What fills {{1}}, {{2}} … in this order, with commas between."
            " link_url is the link; link_path what follows our address in a button."
        ),
    )

    class Meta:
        model = WhatsAppTemplate
        fields = ("kind", "language", "content_sid", "body")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered: dict[str, list[tuple[str, str | Promise]]] = {
            "kind": [*kinds_offered()],
            "language": [*settings.LANGUAGES],
        }
        for name, choices in offered.items():
            field = self.fields.get(name)
            if isinstance(field, forms.ChoiceField):
                field.choices = choices
        if self.instance.pk and "values" in self.fields:
            self.initial["values"] = ", ".join(self.instance.placeholders)

    def clean_content_sid(self) -> str:
        sid: str = self.cleaned_data["content_sid"].strip()
        if not SID.match(sid):
            raise forms.ValidationError(
                _("A content SID is HX and 32 digits or letters from a to f.")
            )
        return sid

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"].replace("\r\n", "\n").strip()
        without = HOLE.sub("", body)
        if "{{" in without or "}}" in without:
            raise forms.ValidationError(
                _("Only {{1}}, {{2}} and so on may stand in double brackets.")
            )
        return body

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        names = [n for n in re.split(r"[\s,{}]+", cleaned.get("values", "")) if n]
        if "kind" in cleaned:
            self._check_names(names, names_of(cleaned["kind"]))
        self._check_holes(cleaned.get("body", ""), names)
        self.instance.placeholders = names
        return cleaned

    def _check_names(self, names: list[str], known: list[str]) -> None:
        if len(names) > MAX_VALUES:
            self.add_error("values", _("At most %d values.") % MAX_VALUES)
        if unknown := [name for name in names if name not in known]:
            self.add_error(
                "values",
                _("There is no value called %(name)s here. There are: %(known)s.")
                % {"name": unknown[0][:40], "known": ", ".join(known)},
            )

    def _check_holes(self, body: str, names: list[str]) -> None:
        numbers = {int(number) for number in HOLE.findall(body)}
        beyond = sorted(number for number in numbers if number > len(names))
        if beyond:
            self.add_error(
                "values",
                _("Nothing fills {{%(number)d}}: %(count)d values are named.")
                % {"number": beyond[0], "count": len(names)},
            )
