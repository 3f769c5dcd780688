"""How somebody's words sound, and sums that were typed instead of filled in."""

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from .doctor_words import threats_in
from .findings import Finding, Place, warn

_SIGNS = "€$£¥₹₺₪₩฿₴₫₱₦"
_CODES = (
    "EUR|USD|GBP|CHF|JPY|CNY|INR|TRY|ILS|SEK|DKK|NOK|PLN|CZK|BRL|CAD|AUD|SAR|AED|EGP"
    "|zł|kr\\.?|Euro|euros?|Dollars?|dollars?"
)
_SUM = re.compile(
    rf"[{_SIGNS}]\s?\d[\d.,\u00a0' ]*|\d[\d.,\u00a0']*\s?(?:[{_SIGNS}]|(?:{_CODES})\b)"
    rf"|\b(?:{_CODES})\s?\d[\d.,']*"
)
_TWICE = re.compile(
    rf"(?:[{_SIGNS}]|\b(?:{_CODES}))\s?\{{(?:amount|balance)[a-z_]*\}}"
    rf"|\{{(?:amount|balance)[a-z_]*\}}\s?(?:[{_SIGNS}]|(?:{_CODES})\b)"
)
_HOLES = re.compile(r"\{[?/]?[a-z_]+\}")
LOUD_LETTERS = 12
# fewer may be a name or an abbreviation


def read(place: Place, piece: str, language: str) -> Iterator[Finding]:
    """Warnings about one text."""
    if match := _TWICE.search(piece):
        said = _("“%(found)s”: the amount already comes with its currency.")
        yield warn(place, said % {"found": match[0]})
    if match := _SUM.search(piece):
        said = _("“%(found)s” is the same for every customer: is {amount} meant?")
        yield warn(place, said % {"found": match[0].strip()})
    words = _HOLES.sub(" ", piece)
    threats = threats_in(words, language)
    if threats:
        said = _("This may sound like a threat: %(words)s. It helps nobody to pay.")
        yield warn(place, said % {"words": ", ".join(threats[:4])})
    if is_loud(words):
        yield warn(place, _("Many capitals read like shouting, and like spam."))
    if "!!" in words or words.count("!") > (1 if place == "subject" else 3):
        yield warn(place, _("Many exclamation marks read like spam."))


def is_loud(text: str) -> bool:
    """Whether most letters of one of its lines are capitals."""
    for line in text.split("\n"):
        cased = [c for c in line if c.isupper() or c.islower()]
        upper = sum(1 for c in cased if c.isupper())
        if upper >= LOUD_LETTERS and upper > 0.7 * len(cased):
            return True
    return False
