"""Text from outside: what is taken, what is stripped, how long it is to a reader.

Length is counted in graphemes, what a reader calls one character. The count here
covers marks, emoji sequences, flags and Hangul syllables; it is a bound, not
typesetting, so a compiled regular-expression package for the last few rules of
Unicode TR 29 (Indic conjuncts) would be weight without effect.
"""

import re
import unicodedata
from collections.abc import Iterator

from django.utils.translation import gettext as _

_CODE_POINTS_PER_GRAPHEME = 4
# On average, over a whole text: bounds what a stack of marks may cost us.
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_JOINABLE = {"Lo", "Mn", "Mc", "So", "Sk"}
# Letters of scripts without case (Arabic, Indic …), their marks, and emoji.
_VISIBLE_FORMATS = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")
# Signs that enclose numbers in Arabic and Syriac: Cf, but seen.
_BLANKS = set("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
# Look like nothing though their category is not Cf.
_LINE_ENDS = re.compile("\r\n|[\r\x85\u2028\u2029]")
_LOOK_ALIKE_SCRIPTS = {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "COPTIC", "CHEROKEE"}
_DIGIT_GROUPS = re.compile(r"(?<![0-9])[0-9]+(?:[ .\u00a0-][0-9]+)*")
_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD_LENGTHS = range(13, 20)
_URL = re.compile(
    r"(?:\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)|\b(?:javascript|data|tel|mailto):)\S+"
    # a host with a path, which mail programs turn into a link by themselves
    r"|\b(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}/\S*",
    re.IGNORECASE,
)


_PAY_TOKEN = re.compile(
    r"(?<=/p/)[0-9A-Za-z]{22}(?![0-9A-Za-z])|(?<=/owed/)[0-9A-Za-z]{22,}"
)


class TextError(ValueError):
    """Text that cannot be taken as it is; the message is for people."""


def clean_line(
    value: str, max_graphemes: int = 200, *, max_length: int | None = None
) -> str:
    """One line, trimmed, composed (NFC), without invisible controls.

    Unusual line separators become a space; a line feed, a carriage return or any other
    control is refused with TextError, as are lone surrogates and too much text.
    `max_length`: in code points, of the column; four a grapheme when not given.
    """
    text = re.sub("[\t\x85\u2028\u2029]", " ", value)
    if "\n" in text or "\r" in text:
        raise TextError(_("Write this on one line."))
    return _clean(text, max_graphemes, max_length)


def clean_block(
    value: str, max_graphemes: int = 2000, *, max_length: int | None = None
) -> str:
    """As clean_line, but line ends stay, written as line feeds, and so do tabs."""
    return _clean(
        _LINE_ENDS.sub("\n", value), max_graphemes, max_length, allowed="\n\t"
    )


def without_urls(value: str) -> str:
    """`value` with every web address taken out; the pay link is added by us alone."""
    return re.sub("[ \t]{2,}", " ", _URL.sub("", value)).strip()


def without_tokens(value: str) -> str:
    """`value` without the secret of a pay page whose address somebody quotes: it is
    stored nowhere."""
    return _PAY_TOKEN.sub("…", value)


def graphemes(value: str) -> Iterator[str]:
    """The characters of `value` as a reader sees them."""
    start = 0
    for index in range(1, len(value)):
        if not _joins(value, start, index):
            yield value[start:index]
            start = index
    if value:
        yield value[start:]


def cut(value: str, max_graphemes: int) -> str:
    """`value`, shortened with an ellipsis if it is longer, never inside a grapheme."""
    kept: list[str] = []
    for grapheme in graphemes(value):
        if len(kept) == max_graphemes:
            return "".join(kept[:-1]).rstrip() + "…"
        kept.append(grapheme)
    return value


def looks_like_card_number(value: str) -> bool:
    """Whether 13 to 19 digits in it, in whatever groups, pass the Luhn check.

    Digits of every script count; account numbers (IBAN) that check out do not.
    """
    if sum(map(str.isdecimal, value)) < min(_CARD_LENGTHS):
        return False
    text = "".join(_ascii_digit(character) for character in value)
    text = _IBAN.sub(lambda match: "" if _is_iban(match[0]) else match[0], text)
    return any(
        _has_card(re.findall(r"[0-9]+", run)) for run in _DIGIT_GROUPS.findall(text)
    )


def has_mixed_scripts(value: str) -> bool:
    """Whether one word mixes scripts whose letters look alike, as in a forged name."""
    return any(len(_scripts(word)) > 1 for word in re.split(r"[\W\d_]+", value))


def _clean(
    text: str, max_graphemes: int, max_length: int | None, allowed: str = ""
) -> str:
    limit = max_length or max_graphemes * _CODE_POINTS_PER_GRAPHEME
    if text.isascii() and text.isprintable() and len(text) <= min(limit, max_graphemes):
        return text.strip()  # most of what people write: each character is one
    if len(text) > 4 * limit:  # before any work is done on it
        raise TextError(_too_long(max_graphemes))
    for character in text:
        category = unicodedata.category(character)
        if category == "Cs" or (category == "Cc" and character not in allowed):
            raise TextError(_("This holds a character that cannot be stored."))
    text = _without_invisible(unicodedata.normalize("NFC", text)).strip()
    if len(text) > limit or sum(1 for _g in graphemes(text)) > max_graphemes:
        raise TextError(_too_long(max_graphemes))
    return text


def _too_long(max_graphemes: int) -> str:
    return _("This is too long: at most %(count)d characters.") % {
        "count": max_graphemes
    }


def _without_invisible(text: str) -> str:
    """Strip direction controls and zero-width characters that join nothing."""
    kept: list[str] = []
    for index, character in enumerate(text):
        if character in (_ZWJ, _ZWNJ):
            before = unicodedata.category(kept[-1]) if kept else ""
            after = unicodedata.category(text[index + 1 : index + 2] or " ")
            if before in _JOINABLE and after in _JOINABLE:
                kept.append(character)
        elif character not in _BLANKS and (
            unicodedata.category(character) != "Cf" or character in _VISIBLE_FORMATS
        ):
            kept.append(character)
    return "".join(kept)


def _joins(value: str, start: int, index: int) -> bool:
    """Whether value[index] continues the grapheme that began at `start`."""
    before, here = value[index - 1], value[index]
    if before == "\r" and here == "\n":
        return True
    if unicodedata.category(here) in {"Mn", "Me", "Mc"} or here in (_ZWJ, _ZWNJ):
        return unicodedata.category(before) != "Cc"
    if before == _ZWJ:
        return unicodedata.category(here) == "So"
    code, previous = ord(here), ord(before)
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:  # skin, flag tags
        return unicodedata.category(before) != "Cc"
    if _is_regional(code) and _is_regional(previous):
        return (index - start) % 2 == 1
    return _is_hangul_pair(previous, code)


def _is_regional(code: int) -> bool:
    return 0x1F1E6 <= code <= 0x1F1FF


def _is_hangul_pair(previous: int, code: int) -> bool:
    is_lead = 0x1100 <= previous <= 0x115F
    is_syllable = 0xAC00 <= previous <= 0xD7A3
    is_vowel = 0x1160 <= previous <= 0x11A7
    if 0x1160 <= code <= 0x11A7:
        return is_lead or is_vowel or (is_syllable and (previous - 0xAC00) % 28 == 0)
    if 0x11A8 <= code <= 0x11FF:
        return is_vowel or is_syllable or 0x11A8 <= previous <= 0x11FF
    return is_lead and (0x1100 <= code <= 0x115F or 0xAC00 <= code <= 0xD7A3)


def _ascii_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _has_card(groups: list[str]) -> bool:
    """Any neighbouring groups that make a card number; a code may follow it."""
    for first in range(len(groups)):
        number = ""
        for group in groups[first:]:
            number += group
            if len(number) in _CARD_LENGTHS and number[0] in "23456":
                if _passes_luhn(number):
                    return True
            elif len(number) > max(_CARD_LENGTHS):
                break
    return False


def _passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1


def _scripts(word: str) -> set[str]:
    names = (unicodedata.name(character, "") for character in word)
    return {
        script
        for name in names
        if (script := name.removeprefix("FULLWIDTH ").partition(" ")[0])
        in _LOOK_ALIKE_SCRIPTS
    }
