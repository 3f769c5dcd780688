"""What is wrong with words before they are used: pure, and in words for people.

What is refused can never be sent; what is warned of is the merchant's own to decide.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from django.utils.translation import gettext as _

from merchant_portal.lib import text as texts
from merchant_portal.lib.text import TextError, clean_block, clean_line

from ..kinds import Kind
from ..models import ASKING_CATEGORIES, Category, ChannelName
from . import (
    doctor_links,
    doctor_tone,
    markup,
    placeholders,
    rendering,
    sms_parts,
    templates,
    wording,
)
from .findings import Finding, Place, refuse, warn
from .placeholders import PlaceholderError
from .shipped import Words

MAX_SUBJECT, MAX_BODY, MAX_SMS = 200, 6_000, 1_000
GOOD_SUBJECT = 78
# more than that a mail program cuts off
_ALMOST = re.compile(
    r"\{\{?[%#]?\s*[?/]?([A-Za-z][\w.-]*)\s*[%#]?\}?\}|\$\{(\w+)\}|%\((\w+)\)s"
)
_TAGS = re.compile(
    r"<\s*/?\s*(?:script|style|form|input|button|iframe|object|embed|svg|math|link|meta"
    r"|base|img)\b|\bjavascript\s*:|\bdata\s*:\s*text/|<[^>]*\bon\w+\s*=",
    re.IGNORECASE,
)
_HTML = re.compile(r"<\s*/?\s*[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shop:
    """What the doctor must know of the shop.

    `hosts`: where its own links may lead. `values`: an example, with the common ones.
    `untranslated`: names of languages that its customers have and these words lack.
    """

    hosts: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    untranslated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """`words`: as they would be kept; only to be saved where nothing is refused."""

    words: Words
    findings: list[Finding]

    @property
    def refusals(self) -> list[Finding]:
        return [one for one in self.findings if one.is_refusal]

    @property
    def warnings(self) -> list[Finding]:
        return [one for one in self.findings if not one.is_refusal]


def examine(
    kind: Kind, channel: str, language: str, typed: Words, shop: Shop
) -> Report:
    """Read what somebody typed for one kind on one channel in one language."""
    words, findings = _cleaned(channel, typed)
    if not findings:
        pieces = _pieces(channel, words)
        for place, piece in pieces:
            findings += _holes(kind, place, piece)
            findings += _markup(place, piece)
            findings += doctor_links.read(place, piece, shop.hosts)
        if not any(one.is_refusal for one in findings):
            findings += _whole(kind, channel, language, words)
        for place, piece in pieces:
            findings += doctor_tone.read(place, piece, language)
        findings += _advice(kind, channel, words)
        is_sound = not any(one.is_refusal for one in findings)
        if channel != ChannelName.EMAIL and is_sound:
            findings += _length(words.text, language, shop)
        if shop.untranslated:
            findings.append(_untranslated(shop.untranslated))
    return Report(words, findings)


def _cleaned(channel: str, typed: Words) -> tuple[Words, list[Finding]]:
    findings: list[Finding] = []

    def clean(place: Place, value: str, most: int, *, is_needed: bool = True) -> str:
        how = clean_line if place == "subject" else clean_block
        try:
            kept = how(value, most)
        except TextError as exc:
            findings.append(refuse(place, str(exc)))
            return value
        if is_needed and not kept:
            findings.append(refuse(place, _("Write something here.")))
        if texts.looks_like_card_number(kept):
            wrong = _("This looks like the number of a card. Take it out.")
            findings.append(refuse(place, wrong))
        return kept

    if channel != ChannelName.EMAIL:
        return Words(text=clean("sms", typed.text, MAX_SMS)), findings
    words = Words(
        subject=clean("subject", typed.subject, MAX_SUBJECT),
        body=clean("body", typed.body, MAX_BODY),
        text=clean("text", typed.text, MAX_BODY, is_needed=False),
    )
    return words, findings


def _pieces(channel: str, words: Words) -> list[tuple[Place, str]]:
    if channel != ChannelName.EMAIL:
        return [("sms", words.text)]
    found: list[tuple[Place, str]] = [("subject", words.subject), ("body", words.body)]
    return [*found, ("text", words.text)] if words.text else found


# -- placeholders --------------------------------------------------------------------


def _holes(kind: Kind, place: Place, piece: str) -> Iterator[Finding]:
    allowed = wording.allowed(kind)
    try:
        used = placeholders.names(placeholders.compile_text(piece))
    except PlaceholderError as exc:
        yield refuse(place, str(exc))
        return
    for name in sorted(used - allowed):
        yield refuse(place, _unknown(name, allowed))
    if place == "subject" and used & set(placeholders.LATE):
        yield refuse(
            place,
            _("The address must not stand in the subject: others can read that."),
        )
    for match in _ALMOST.finditer(piece):
        name = next(group for group in match.groups() if group)
        if match[0] not in (f"{{{name}}}", f"{{?{name}}}", f"{{/{name}}}") or (
            name not in used
        ):
            yield warn(place, _almost(match[0], name.lower(), allowed))
    if place == "body":
        for number, block in enumerate(markup.pieces_of(piece), 1):
            if not markup.is_balanced(block):
                yield refuse(
                    place,
                    _(
                        "Paragraph %(number)d: a part {?…} must end in the same paragraph."
                    )
                    % {"number": number},
                )


def _unknown(name: str, allowed: frozenset[str]) -> str:
    close = get_close_matches(name, allowed, n=1)
    if close:
        return _("There is no placeholder {%(name)s}. Is it {%(close)s}?") % {
            "name": name,
            "close": close[0],
        }
    return _("There is no placeholder {%(name)s} in this message.") % {"name": name}


def _almost(typed: str, name: str, allowed: frozenset[str]) -> str:
    close = get_close_matches(name, allowed, n=1)
    said = _("“%(typed)s” is not a placeholder and would be read as it stands.") % {
        "typed": typed
    }
    if not close:
        return said
    return said + " " + _("Is it {%(close)s}?") % {"close": close[0]}


def _markup(place: Place, piece: str) -> Iterator[Finding]:
    if match := _TAGS.search(piece):
        yield refuse(
            place,
            _("“%(found)s” has no place in a message: write words only.")
            % {"found": match[0]},
        )
    elif match := _HTML.search(piece):
        yield warn(
            place,
            _("“%(found)s” would be read as it stands. For bold write **words**.")
            % {"found": match[0]},
        )


# -- the whole -----------------------------------------------------------------------


def required(kind: Kind) -> frozenset[str]:
    """What every message of this kind must hold, on each channel."""
    if kind.category in ASKING_CATEGORIES and kind.has_link:
        return kind.required | {"link_url"}
    return kind.required


def _whole(kind: Kind, channel: str, language: str, words: Words) -> Iterator[Finding]:
    """As it would be kept: nothing missing, and nothing that only came together."""
    try:
        made = wording.layout_of(templates.made_of(kind.name, channel, language, words))
    except PlaceholderError as exc:
        yield refuse(_main(channel), str(exc))
        return
    for name in sorted(made.names - wording.allowed(kind)):
        yield refuse(_main(channel), _unknown(name, wording.allowed(kind)))
    subject = placeholders.names(made.subject)
    parts: list[tuple[Place, set[str]]] = [
        (_main(channel), placeholders.names(made.text))
    ]
    if channel == ChannelName.EMAIL:
        place: Place = "text" if words.text else "body"
        parts = [
            ("body", placeholders.names(made.html)),
            (place, placeholders.names(made.text)),
        ]
    told = set()
    for place, used in parts:
        for name in sorted(required(kind) - used - subject):
            if (place, name) not in told:
                told.add((place, name))
                yield refuse(place, _missing(name))


def _main(channel: str) -> Place:
    return "body" if channel == ChannelName.EMAIL else "sms"


def _missing(name: str) -> str:
    if name == "link_url":
        return _("The address is missing: without {link_url} nobody can pay.")
    return _("The placeholder {%(name)s} is missing.") % {"name": name}


def _advice(kind: Kind, channel: str, words: Words) -> Iterator[Finding]:
    place = _main(channel)
    used = set().union(
        *(
            placeholders.in_order(piece)
            for piece in (words.subject, words.body, words.text)
        )
    )
    sums = {"amount", "balance"} & kind.placeholders
    if kind.category in ASKING_CATEGORIES and sums and not used & sums:
        yield warn(place, _("It does not say how much is asked for."))
    if channel == ChannelName.EMAIL:
        if len(words.subject) > GOOD_SUBJECT + 20 * words.subject.count("{"):
            yield warn("subject", _("The subject is long: most programs cut it off."))
        return
    if "business_name" not in used and not kind.is_to_staff:
        yield warn(place, _("It does not say whom it is from: use {business_name}."))
    if kind.category == Category.REMINDER and "STOP" not in words.text:
        yield warn(place, _("It does not say that STOP ends the reminders."))


def _length(text: str, language: str, shop: Shop) -> Iterator[Finding]:
    values = dict.fromkeys(placeholders.in_order(text), "") | dict(shop.values)
    shown = rendering.sms_of(text, language, values)
    count = sms_parts.sms_parts(shown)
    if count.parts > rendering.MAX_SMS_PARTS:
        yield warn(
            "sms",
            _("It takes %(count)d SMS for the example; each is paid for.")
            % {"count": count.parts},
        )
    for character in sms_parts.costly(sms_parts.plain(text)):
        written = sms_parts.replacement(character)
        if count.culprit and written and sms_parts.is_mostly_cheap(text):
            yield warn(
                "sms",
                _("“%(character)s” more than doubles the price. Write “%(written)s”.")
                % {"character": character, "written": written},
            )


def _untranslated(languages: tuple[str, ...]) -> Finding:
    return warn(
        "",
        _("Customers who read %(languages)s still get the words of the product.")
        % {"languages": ", ".join(languages)},
    )
