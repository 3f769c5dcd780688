"""The word beside the product's name on every page of the back-office."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from merchant_portal.business import services as business_services

from ..services import accounts, keyring


def environment(request: HttpRequest) -> list[str] | None:
    """A badge while nothing is sent, or while there is only the rehearsal provider."""
    if business_services.kept().sending_stopped_at is not None:
        return [_("Sending is stopped"), "danger"]
    if not settings.TRAINING_ENABLED or settings.HAS_PROVIDER_KEYS:
        return None
    held = keyring.held()
    if held.entered or not accounts.is_training_offered(held):
        return None
    return [_("Training"), "warning"]
