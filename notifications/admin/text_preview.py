"""What somebody would get whose message had the words that are being typed."""

from dataclasses import dataclass

from django.db.models import Max
from django.utils.translation import gettext as _

from merchant_portal.staff.models import User

from .. import kinds, visibility
from ..kinds import Kind, Values
from ..models import Message
from ..services import rendering, sms_parts, templates, wording
from ..services.placeholders import PlaceholderError
from ..services.rendering import Rendered, SmsCount
from ..services.shipped import Words
from . import text_words

WINDOW = 5_000
# of the newest messages; looking further back would read a whole year
OFFERED = 20
SAMPLE, FULL = "", "full"
_SHOWN = ("number", "customer_name", "balance", "amount")


@dataclass(frozen=True, slots=True)
class Example:
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class Sign:
    """A character that makes an SMS dear, and what could stand there."""

    character: str
    instead: str


def examples(kind: Kind, language: str, user: User) -> list[Example]:
    """Whose message can be shown: a made-up customer's, or one that was written to."""
    found = [
        Example(SAMPLE, _("A made-up customer")),
        Example(FULL, _("A made-up customer, with everything that can be said")),
    ]
    rows = _recent(kind, user)
    values = kind.context(_as(rows, kind, language)) if rows else {}
    for row in rows:
        if row.pk not in values:
            continue
        said = [values[row.pk].get(name, "") for name in _SHOWN]
        title = " · ".join(dict.fromkeys(filter(None, said))) or row.recipient
        found.append(Example(row.public_id, title))
    return found


def _recent(kind: Kind, user: User) -> list[Message]:
    """The newest message of each thing that this kind could be about."""
    if kind.is_to_staff:
        return []
    newest = Message.objects.aggregate(newest=Max("pk"))["newest"]
    if newest is None:
        return []
    alike = [one.name for one in kinds.all_kinds() if one.context == kind.context]
    rows = (
        visibility.visible_to(user)
        .filter(pk__gt=newest - WINDOW, kind__in=alike)
        .order_by("-pk")[: OFFERED * 5]
    )
    of_this_kind_first = sorted(rows, key=lambda row: row.kind != kind.name)
    by_reference: dict[str, Message] = {}
    for row in of_this_kind_first:
        by_reference.setdefault(row.reference, row)
    return list(by_reference.values())[:OFFERED]


def _as(rows: list[Message], kind: Kind, language: str) -> list[Message]:
    """The same, as if they were of this kind and in this language; not to be saved."""
    return [
        Message(
            pk=row.pk,
            kind=kind.name,
            channel=row.channel,
            language=language,
            reference=row.reference,
            subject_id=row.subject_id,
        )
        for row in rows
    ]


def values_of(kind: Kind, language: str, example: str, user: User) -> Values:
    """What the placeholders stand for; the made-up customer's where there is no other."""
    common = rendering.common_values()
    sample = {**common, **kind.sample(language)}
    if example == FULL:
        names = dict(text_words.offered(kind.placeholders))
        return {
            name: value or (f"[{names[name]}]" if name in names else "")
            for name, value in sample.items()
        }
    if example:
        row = visibility.visible_to(user).filter(public_id=example).first()
        if row is not None:
            found = kind.context(_as([row], kind, language))
            if row.pk in found:
                return {**common, **found[row.pk]}
    return sample


class _AsTyped(dict[str, str]):
    """Values, and in the place of one that is not there the placeholder itself."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def shown(
    kind: Kind, channel: str, language: str, words: Words, values: Values
) -> Rendered | None:
    """As it would be sent, with an address that leads nowhere; None where a part begins
    or ends that the other half of is missing."""
    row = templates.made_of(kind.name, channel, language, words)
    try:
        made = rendering.render_layout(
            wording.layout_of(row), channel, language, _AsTyped(values)
        )
        return rendering.fill_links(
            made,
            {
                "link_url": rendering.sample_url(),
                "unsubscribe_url": rendering.sample_url(),
            },
        )
    except PlaceholderError:
        return None


def count_of(rendered: Rendered) -> SmsCount:
    return sms_parts.sms_parts(rendered.text)


def dear_signs(words: Words) -> list[Sign]:
    """What was typed that GSM-7 lacks and that is not written plainly by itself; not
    where another alphabet is written."""
    if not sms_parts.is_mostly_cheap(words.text):
        return []
    return [
        Sign(character, sms_parts.replacement(character))
        for character in sms_parts.costly(sms_parts.plain(words.text))
    ]
