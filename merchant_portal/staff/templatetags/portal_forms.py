"""Plain Django form fields in Unfold's clothes, for allauth's pages."""

from django import template
from django.forms import BoundField, CheckboxInput
from django.utils.safestring import SafeString
from unfold.widgets import CHECKBOX_CLASSES, INPUT_CLASSES

register = template.Library()


@register.filter
def as_unfold(field: BoundField) -> SafeString:
    """The field's own widget, drawn as Unfold draws its inputs."""
    is_checkbox = isinstance(field.field.widget, CheckboxInput)
    classes = CHECKBOX_CLASSES if is_checkbox else INPUT_CLASSES
    return field.as_widget(attrs={"class": " ".join(classes)})
