"""Templates are checked at the start, so that no message fails for a typing error."""

from typing import Any

from django.conf import settings
from django.core import checks

from . import kinds
from .services import layouts, placeholders, rendering


@checks.register
def templates_use_known_placeholders(
    app_configs: Any, **options: Any
) -> list[checks.CheckMessage]:
    """Each template of each registered kind uses only what that kind provides."""
    return [
        checks.Error(problem, id="notifications.E001")
        for kind in kinds.all_kinds()
        if not kind.is_given
        for problem in problems_of(kind)
    ]


def languages_of(kind: kinds.Kind) -> list[str]:
    """Those in which its readers are written to: customers, or people who work here."""
    if kind.is_to_staff:
        return list(settings.SCREEN_LANGUAGES)
    return layouts.languages()


def problems_of(kind: kinds.Kind) -> list[str]:
    """What is wrong with the templates of one kind, in words."""
    allowed = kind.placeholders | rendering.COMMON | set(placeholders.LATE)
    found = []
    for channel in sorted(kind.channels):
        for language in languages_of(kind):
            if not layouts.is_written(kind.name, channel, language):
                found.append(f"{kind.name}/{language} ({channel}): no text")
                continue
            try:
                used = layouts.layout(kind.name, channel, language).names
            except (LookupError, placeholders.PlaceholderError) as exc:
                found.append(f"{kind.name}/{language} ({channel}): {exc}")
                continue
            where = f"{kind.name}/{language} ({channel})"
            found += [f"{where}: unknown {{{n}}}" for n in sorted(used - allowed)]
            found += [f"{where}: no {{{n}}}" for n in sorted(kind.required - used)]
    return found
