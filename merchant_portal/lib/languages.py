"""Languages as those who need them name them."""

_LOCALES = {"pt": "pt_PT"}
# For babel `pt` alone is Brazil's.


def locale_of(language: str) -> str:
    """A language of ours as babel names it: `zh-hans` → `zh_hans`."""
    return _LOCALES.get(language, language.replace("-", "_"))
