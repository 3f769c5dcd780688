"""What may be said on WhatsApp: an approved text, or our own words within a day of theirs.

An approved template goes wherever there is one. Without one a message goes in our own
words (those of an SMS) while the customer's last message is younger than a day, and else
it fails at once, with words that say what to enter where.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from merchant_portal.lib import clock

from ..models import ChannelName, InboundMessage, Message, WhatsAppTemplate
from . import placeholders, rendering, wording
from .rendering import Rendered, Unwritable
from .wording import Wording

WINDOW = timedelta(hours=24) - timedelta(minutes=5)
# WhatsApp's day after the customer's last message, less the time that ours may take.
EMPTY = "\N{EN DASH}"
# WhatsApp refuses a message of which one value is empty.
HOLE = re.compile(r"\{\{([1-9][0-9]?)\}\}")


class NoApprovedTemplate(Unwritable):
    """WhatsApp would refuse it; the message is for staff and says what to do."""


@dataclass(frozen=True, slots=True)
class Book:
    """What a batch needs to know: approved texts, and who wrote within a day."""

    templates: Mapping[tuple[str, str], WhatsAppTemplate]
    awake: frozenset[str]

    def template(self, kind: str, language: str) -> WhatsAppTemplate | None:
        """In that very language or without its country; in another nobody asked for it."""
        exact = self.templates.get((kind, language))
        return exact or self.templates.get((kind, language.partition("-")[0]))


NOTHING = Book({}, frozenset())


def book_for(messages: Sequence[Message]) -> Book:
    """Two queries for all of them; none where no message goes by WhatsApp."""
    ours = [one for one in messages if one.channel == ChannelName.WHATSAPP]
    return _book({m.kind for m in ours}, {m.recipient for m in ours})


def _book(kinds: set[str], recipients: set[str]) -> Book:
    if not kinds:
        return NOTHING
    found = WhatsAppTemplate.objects.filter(kind__in=kinds)
    return Book({(one.kind, one.language): one for one in found}, _awake(recipients))


def _awake(recipients: set[str]) -> frozenset[str]:
    return frozenset(
        InboundMessage.objects.filter(
            address__in=recipients,
            at__gt=clock.now() - WINDOW,
            channel=ChannelName.WHATSAPP,
        ).values_list("address", flat=True)
    )


def write(
    kind: str,
    language: str,
    recipient: str,
    values: Mapping[str, str],
    words: Wording,
    book: Book,
) -> tuple[Rendered, str]:
    """The words as they are stored, and the template with its values as JSON or blank.

    Raises NoApprovedTemplate, PlaceholderError. Where messages are kept in the product
    everything goes in our own words: nothing leaves that WhatsApp could refuse.
    """
    template = book.template(kind, language)
    if template is not None:
        return _of_template(template, values)
    if recipient not in book.awake and not settings.WHATSAPP_CAPTURED:
        raise NoApprovedTemplate(missing(kind, language))
    return rendering.render(kind, ChannelName.WHATSAPP, language, values, words), ""


def _of_template(
    template: WhatsAppTemplate, values: Mapping[str, str]
) -> tuple[Rendered, str]:
    filled = {
        str(number): _one_line(placeholders.fill((placeholders.Hole(name),), values))
        for number, name in enumerate(template.placeholders, start=1)
    }
    stored = {"sid": template.content_sid, "values": filled}
    return (
        Rendered(text=fill_body(template.body, filled)),
        json.dumps(stored, ensure_ascii=False),
    )


def fill_body(body: str, filled: Mapping[str, str]) -> str:
    """The approved text with its values in, once each; what is ours alone is protected."""
    pieces = HOLE.split(body)  # words, number, words, number, …
    pieces[::2] = [placeholders.protected(words) for words in pieces[::2]]
    pieces[1::2] = [filled.get(n, f"{{{{{n}}}}}") for n in pieces[1::2]]
    return "".join(pieces)


def _one_line(value: str) -> str:
    """WhatsApp takes no line break, no tab and no long gap inside a value."""
    return " ".join(value.split()) or EMPTY


def filled(stored: str, urls: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The id of the template and its values with the secret addresses in."""
    if not stored:
        return "", {}
    template = json.loads(stored)
    return template["sid"], {
        number: placeholders.fill_late(value, urls)
        for number, value in template["values"].items()
    }


def missing(kind: str, language: str) -> str:
    names = {code: str(name) for code, name in settings.LANGUAGES}
    return _(
        "No approved WhatsApp template for “%(kind)s” in %(language)s:"
        " enter its id under Set-up, WhatsApp templates."
    ) % {
        "kind": kind.replace("_", " "),
        "language": names.get(language)
        or names.get(language.partition("-")[0], language),
    }


@dataclass(frozen=True, slots=True)
class Preview:
    """`problem`: why it would fail now; `is_template`: it is an approved text."""

    text: str
    is_template: bool = False
    problem: str = ""


def preview(
    kind: str, language: str, recipient: str, context: Mapping[str, str], link_url: str
) -> Preview:
    """What would be read, by the functions that write it; stores and sends nothing."""
    values = {**rendering.common_values(), **context}
    urls = {"link_url": link_url, "unsubscribe_url": link_url}
    problem, template = "", ""
    words, book = wording.current(), _book({kind}, {recipient})
    try:
        rendered, template = write(kind, language, recipient, values, words, book)
    except NoApprovedTemplate as exc:
        problem = str(exc)
        rendered = rendering.render(kind, ChannelName.WHATSAPP, language, values, words)
    shown = rendering.fill_links(rendered, urls)
    return Preview(shown.text, bool(template), problem)


@dataclass(frozen=True, slots=True)
class Filled:
    """One value of an example: `hole` as {{1}}, its name, and what would stand there."""

    hole: str
    name: str
    sample: str
    is_in_text: bool


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    values: tuple[Filled, ...]


def example(template: WhatsAppTemplate, sample: Mapping[str, str]) -> Example:
    """The approved text as a customer would read it, and which value goes where."""
    used = set(HOLE.findall(template.body))
    values = tuple(
        Filled(f"{{{{{n}}}}}", name, _one_line(sample.get(name, "")), str(n) in used)
        for n, name in enumerate(template.placeholders, start=1)
    )
    filled = {value.hole.strip("{}"): value.sample for value in values}
    return Example(fill_body(template.body, filled), values)


def problem(kind: str, language: str, recipient: str) -> str:
    """Why it would fail now, for whoever is about to send it; blank if it would not."""
    if settings.WHATSAPP_CAPTURED:
        return ""
    book = _book({kind}, {recipient})
    goes = recipient in book.awake or book.template(kind, language) is not None
    return "" if goes else missing(kind, language)


def suggested(kind: str, language: str) -> tuple[str, list[str]]:
    """A text to have approved, made of our own words, and the values that fill it.

    What stands only sometimes is left out: an approved text always says the same.
    """
    from_words = wording.current().layout(kind, ChannelName.WHATSAPP, language).text
    names: list[str] = []
    body = ""
    for part in from_words:
        if isinstance(part, str):
            body += part
        elif isinstance(part, placeholders.Hole):
            if part.name not in names:
                names.append(part.name)
            body += f"{{{{{names.index(part.name) + 1}}}}}"
    return body, names
