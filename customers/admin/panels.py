"""Parts of the customer's page that apps above hang in, such as their links."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.safestring import SafeString

from ..models import Customer

Panel = Callable[[HttpRequest, Customer], SafeString]

_panels: list[Panel] = []


def register(panel: Panel) -> Panel:
    """Show `panel` under every customer's form; usable as a decorator."""
    if panel not in _panels:
        _panels.append(panel)
    return panel


def shown(request: HttpRequest, customer: Customer) -> list[SafeString]:
    """The HTML of each panel, in the order they were registered."""
    return [panel(request, customer) for panel in _panels]
