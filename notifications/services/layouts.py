"""The files a message is made from: `templates/notifications/<kind>/<language>.*`."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

from . import placeholders

FALLBACK_LANGUAGE = "en"
COMMON = frozenset(
    {
        "business_name",
        "business_address",
        "business_contact",
        "business_legal",
        "brand_color",
        "brand_ink",
        "logo_url",
    }
)
# What every kind may say.
WITH_WORDS_OF_SMS = frozenset({"sms", "whatsapp"})
# Both are read on a phone between other messages.


class NoTemplate(LookupError):
    """A kind has no text for that channel, not even in English."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The compiled texts of one kind on one channel in one language."""

    text: placeholders.Parts
    subject: placeholders.Parts = ()
    html: placeholders.Parts = ()

    @property
    def names(self) -> set[str]:
        return set().union(
            *(placeholders.names(part) for part in (self.text, self.subject, self.html))
        )


def folder() -> Path:
    return Path(settings.BASE_DIR) / "templates" / "notifications"


@cache
def layout(kind: str, channel: str, language: str) -> Layout:
    """Read and split once a process; another language than we have falls to English.

    Raises NoTemplate, and PlaceholderError for a section that is not closed.
    """
    for name in steps(language):
        found = exact(kind, channel, name)
        if found is not None:
            return found
    raise NoTemplate(f"{kind} has no {channel} template")


def steps(language: str) -> tuple[str, str, str]:
    """The languages to look for words in, one after the other."""
    return language, language.partition("-")[0], FALLBACK_LANGUAGE


@cache
def exact(kind: str, channel: str, language: str) -> Layout | None:
    """The product's words in that very language, read once a process."""
    return _read(folder() / kind, channel, language)


def _read(place: Path, channel: str, language: str) -> Layout | None:
    if not language.replace("-", "").isalnum():
        return None
    if channel in WITH_WORDS_OF_SMS:
        text = _compiled(place / f"{language}.sms")
        return None if text is None else Layout(text=text)
    text = _compiled(place / f"{language}.txt")
    subject = _compiled(place / f"{language}.subject")
    html = _compiled(place / f"{language}.html")
    if text is None or subject is None or html is None:
        return None
    return Layout(text=text, subject=subject, html=html)


def _compiled(path: Path) -> placeholders.Parts | None:
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8")
    return placeholders.compile_text(text if path.suffix == ".html" else text.strip())


def languages() -> list[str]:
    """Codes of the languages in which customers are written to."""
    return [code for code, _name in settings.LANGUAGES]


def is_written(kind: str, channel: str, language: str) -> bool:
    """Whether there is a text in that very language."""
    return exact(kind, channel, language) is not None
