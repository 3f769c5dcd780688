"""The languages of the product, and their names for those who need them."""

from django.utils.translation import gettext_lazy as _

OF_CUSTOMERS = [
    ("en", _("English")),
    ("ar", _("Arabic")),
    ("da", _("Danish")),
    ("de", _("German")),
    ("es", _("Spanish")),
    ("fr", _("French")),
    ("he", _("Hebrew")),
    ("hi", _("Hindi")),
    ("it", _("Italian")),
    ("ja", _("Japanese")),
    ("nl", _("Dutch")),
    ("pl", _("Polish")),
    ("pt", _("Portuguese")),
    ("sv", _("Swedish")),
    ("tr", _("Turkish")),
    ("zh-hans", _("Simplified Chinese")),
]
# pages, mails, documents
OF_SCREENS = ["en", "de", "es", "fr"]
# the back-office, and the mails to the people who work there
_LOCALES = {"pt": "pt_PT"}
# For babel `pt` alone is Brazil's.


def locale_of(language: str) -> str:
    """A language of ours as babel names it: `zh-hans` → `zh_hans`."""
    return _LOCALES.get(language, language.replace("-", "_"))
