"""In which language the back-office speaks to whom."""

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header


class ScreenLanguageMiddleware(LocaleMiddleware):
    """The back-office speaks fewer languages than the shop's customers: of those that a
    browser asks for the first that our screens are written in, else English.

    Public pages choose for themselves.
    """

    def process_request(self, request: HttpRequest) -> None:
        language = _screen_language(request.headers.get("Accept-Language", ""))
        translation.activate(language)
        request.LANGUAGE_CODE = language


def _screen_language(accepted: str) -> str:
    for code, _weight in parse_accept_lang_header(accepted):
        base = code.partition("-")[0]
        if base in settings.SCREEN_LANGUAGES:
            return str(base)
    return settings.LANGUAGE_CODE
