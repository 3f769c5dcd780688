"""The word beside the product's name on every page of the back-office."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ..services import accounts, keyring


def environment(request: HttpRequest) -> list[str] | None:
    """A badge while there is nothing but the rehearsal provider."""
    if not settings.TRAINING_ENABLED or settings.HAS_PROVIDER_KEYS:
        return None
    held = keyring.held()
    if held.entered or not accounts.is_training_offered(held):
        return None
    return [_("Training"), "warning"]
