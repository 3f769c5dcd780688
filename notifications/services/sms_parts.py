"""How many SMS a text becomes, and which character makes it expensive."""

import re
import unicodedata
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape character goes before each
GSM_SINGLE, GSM_JOINED = 160, 153
UCS2_SINGLE, UCS2_JOINED = 70, 67
# 3GPP TS 23.038 and 23.040: the header that joins parts takes six bytes of each.
MOST_REPLACED = 12
# of different letters; more are another alphabet
_PLAIN = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u2026": "...",
    }
)


_STROKES = {
    "ł": "l",
    "Ł": "L",
    "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    "đ": "d",
    "Đ": "D",
    "₺": "TL ",
}
# Letters and signs that decompose into nothing.


MOST_PARTS = 10
# What Twilio's 1,600 characters come to; more is refused, with words.
_INSTEAD = {
    "\N{LEFTWARDS ARROW}": "<-",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{RIGHTWARDS DOUBLE ARROW}": "=>",
    "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
    "\N{SINGLE LOW-9 QUOTATION MARK}": "'",
    "\N{GRAVE ACCENT}": "'",
    "\N{ACUTE ACCENT}": "'",
    "\N{HYPHEN}": "-",
    "\N{NON-BREAKING HYPHEN}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{BULLET}": "-",
    "\N{MIDDLE DOT}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{DIVISION SIGN}": "/",
    "\N{DEGREE SIGN}": "",
    "\t": " ",
}
_DROPPED = frozenset({"So", "Sk", "Sm", "Cf", "Me", "Mn", "Cc", "Cn"})
# Emoji, their joiners and skin tones, invisible marks: the words stand without them.


@dataclass(frozen=True, slots=True)
class SmsCount:
    """`encoding`: GSM-7 or UCS-2. `units`: septets or 16-bit units in all.

    `culprit`: the first character that forces UCS-2, or empty. `forced_by`: each of them
    once. `suggestion`: the text without them, where that makes it GSM-7.
    """

    encoding: str
    units: int
    parts: int
    culprit: str
    forced_by: tuple[str, ...] = ()
    suggestion: str = ""

    @property
    def is_too_long(self) -> bool:
        return self.parts > MOST_PARTS


def plain(text: str) -> str:
    """The same words with typographic spaces, quotes and dashes made plain.

    One narrow no-break space, as amounts in French have, would more than double the
    price of the whole message.
    """
    return text.translate(_PLAIN)


def cheapest(text: str) -> str:
    """The text without accents that GSM-7 lacks, if that makes it GSM-7; else as it is."""
    folded = "".join(_folded(character) for character in text)
    return text if _is_ucs2(folded) else folded


def costly(text: str) -> list[str]:
    """Its characters that GSM-7 lacks, each once, as they come."""
    return list(
        dict.fromkeys(c for c in text if c not in _BASIC and c not in _EXTENSION)
    )


def replacement(character: str) -> str:
    """What GSM-7 has in its place; empty where it has nothing like it."""
    instead = character.translate(_PLAIN)
    folded = instead if instead != character else _folded(character)
    return "" if costly(folded) else folded


def is_mostly_cheap(text: str) -> bool:
    """Whether it is of few characters that GSM-7 lacks, and all can be replaced."""
    lacking = costly(text)
    return len(lacking) <= MOST_REPLACED and all(map(replacement, lacking))


def _folded(character: str) -> str:
    if character in _BASIC or character in _EXTENSION:
        return character
    if character in _STROKES:
        return _STROKES[character]
    return unicodedata.normalize("NFD", character)[0]


def _is_ucs2(text: str) -> bool:
    return any(c not in _BASIC and c not in _EXTENSION for c in text)


def instead_of(character: str) -> str | None:
    """What says the same in GSM-7; blank for what can go; None for letters that cannot."""
    if character in _BASIC or character in _EXTENSION:
        return character
    for known in (_INSTEAD, _STROKES):
        if character in known:
            return known[character]
    simpler = plain(character)
    if simpler == character:
        simpler = unicodedata.normalize("NFKD", character)
        simpler = "".join(c for c in simpler if not unicodedata.combining(c))
    if simpler and all(c in _BASIC or c in _EXTENSION for c in simpler):
        return simpler
    return "" if unicodedata.category(character) in _DROPPED else None


def suggestion(text: str) -> str:
    """The text in GSM-7; blank where it is already, or its script has no such letters."""
    pieces: list[str] = []
    for character in text:
        instead = instead_of(character)
        if instead is None:
            return ""
        pieces.append(instead)
    simple = re.sub(" {2,}", " ", "".join(pieces))
    simple = re.sub(r" +([.,;:!?\n])", r"\1", simple).strip()
    return "" if simple == text else simple


def sms_parts(text: str) -> SmsCount:
    """Count as the network does: no character is split between two parts."""
    forced_by = tuple(
        dict.fromkeys(c for c in text if c not in _BASIC and c not in _EXTENSION)
    )
    if forced_by:
        widths = [2 if ord(character) > 0xFFFF else 1 for character in text]
        parts = _parts(widths, UCS2_SINGLE, UCS2_JOINED)
        return SmsCount(
            "UCS-2", sum(widths), parts, forced_by[0], forced_by, suggestion(text)
        )
    widths = [2 if character in _EXTENSION else 1 for character in text]
    return SmsCount("GSM-7", sum(widths), _parts(widths, GSM_SINGLE, GSM_JOINED), "")


def _parts(widths: list[int], single: int, joined: int) -> int:
    if not widths:
        return 0
    if sum(widths) <= single:
        return 1
    parts, room = 1, joined
    for width in widths:
        if width > room:
            parts, room = parts + 1, joined
        room -= width
    return parts
