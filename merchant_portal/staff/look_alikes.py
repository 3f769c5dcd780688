"""Names that may be somebody else's, written in letters that look alike."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from merchant_portal.lib import text


def warn(request: HttpRequest, name: str) -> None:
    """Tell whoever saved it; the name stays as it is, for it may be true."""
    if text.has_mixed_scripts(name):
        messages.warning(
            request,
            _(
                "This name mixes letters of several alphabets in one word."
                " Check that it is who you think it is."
            ),
        )
