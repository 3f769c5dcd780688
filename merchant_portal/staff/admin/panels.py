"""Parts of somebody's page among the staff that apps above hang in."""

from collections.abc import Callable

from django.http import HttpRequest
from django.utils.safestring import SafeString

from ..models import User

Panel = Callable[[HttpRequest, User], SafeString]

_panels: list[Panel] = []


def register(panel: Panel) -> Panel:
    """Show `panel` under everybody's form; usable as a decorator."""
    if panel not in _panels:
        _panels.append(panel)
    return panel


def shown(request: HttpRequest, user: User) -> list[SafeString]:
    """The HTML of each panel, in the order they were registered."""
    return [panel(request, user) for panel in _panels]
