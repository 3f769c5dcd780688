"""Saving the merchant's own words, giving the product's back, and what was before."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from .. import kinds
from ..models import ChannelName, Template
from . import mail_frame, shipped, wording
from .layouts import NoTemplate
from .shipped import Words

SHIPPED = 0
# the version of words that nobody has ever changed


class Overtaken(Exception):
    """Somebody saved these words meanwhile; nothing was changed."""

    def __init__(self, newest: Template) -> None:
        super().__init__(
            _("%(who)s has saved these words meanwhile.") % {"who": author_of(newest)}
        )
        self.newest = newest


@dataclass(frozen=True, slots=True)
class InUse:
    """Words as they are sent now. `version`: SHIPPED where nobody changed them."""

    words: Words
    version: int
    is_own: bool


def author_of(row: Template) -> str:
    return str(row.author) if row.author else _("Somebody")


def words_of(row: Template) -> Words:
    """What a version says; the product's words where it gave them back."""
    if row.is_shipped:
        return shipped.words(row.kind, row.channel, row.language)
    return Words(subject=row.subject, body=row.body, text=row.text)


def at_version(kind: str, channel: str, language: str, version: int) -> Words | None:
    """What was said then; None for a version that there is not."""
    if version == SHIPPED:
        return shipped.words(kind, channel, language)
    row = Template.objects.of(kind, channel, language).filter(version=version).first()
    return words_of(row) if row else None


def in_use(kind: str, language: str) -> dict[str, InUse]:
    """channel → what is sent in that language now; one query.

    A language for which the product has no words of this kind shows the English ones.
    """
    rows = {
        row.channel: row
        for row in Template.objects.filter(
            kind=kind, language=language, is_current=True
        )
    }
    found = {}
    for channel in sorted(kinds.get(kind).channels & set(ChannelName.values)):
        row = rows.get(channel)
        try:
            words = words_of(row) if row else shipped.words(kind, channel, language)
        except NoTemplate:
            continue
        found[channel] = InUse(
            words, row.version if row else SHIPPED, bool(row and not row.is_shipped)
        )
    return found


def made_of(kind: str, channel: str, language: str, words: Words) -> Template:
    """A version with these words, not saved, its HTML and plain text made.

    Raises nothing for what people type: whether it can be used is the doctor's to say.
    """
    row = Template(kind=kind, channel=channel, language=language)
    row.text = words.text
    if channel == ChannelName.EMAIL:
        row.subject, row.body = words.subject, words.body
        row.html = mail_frame.html_of(kind, language, words.body)
        row.plain = (
            f"{words.text}\n\n{mail_frame.foot(kind, language)}".strip()
            if words.text.strip()
            else mail_frame.text_of(kind, language, words.body)
        )
    return row


def save(
    kind: str,
    language: str,
    changed: Mapping[str, Words],
    *,
    seen: Mapping[str, int],
    author: User,
) -> list[Template]:
    """Use these words from now on, all of them or none.

    `changed`: channel → words that the doctor has let pass. `seen`: channel → the
    version that the author had before their eyes. Raises Overtaken where another has
    been saved since. Words that are the product's own are kept as such.
    """
    rows = [
        Template(kind=kind, channel=channel, language=language, is_shipped=True)
        if words == shipped.words(kind, channel, language)
        else made_of(kind, channel, language, words)
        for channel, words in changed.items()
    ]
    return _store(rows, seen, author)


def reset(
    kind: str, channel: str, language: str, *, seen: int, author: User
) -> Template:
    """Use the product's own words again. Raises Overtaken."""
    row = Template(kind=kind, channel=channel, language=language, is_shipped=True)
    return _store([row], {channel: seen}, author)[0]


def _store(
    rows: list[Template], seen: Mapping[str, int], author: User
) -> list[Template]:
    try:
        with transaction.atomic(), audit.recorded_last():
            for row in rows:
                _store_one(row, seen[row.channel], author)
    except IntegrityError as exc:
        # The same version, a moment earlier: the constraint decided between two.
        raise Overtaken(_newest(rows, seen)) from exc
    wording.forget()
    return rows


def _store_one(row: Template, seen: int, author: User) -> None:
    same = Template.objects.of(row.kind, row.channel, row.language)
    newest = same.order_by("-version").select_related("author").first()
    if (newest.version if newest else SHIPPED) != seen:
        assert newest is not None  # noqa: S101 - versions only grow
        raise Overtaken(newest)
    row.version, row.author, row.created_at = seen + 1, author, clock.now()
    same.filter(is_current=True).update(is_current=False)
    row.save(force_insert=True)
    audit.record(
        author.actor().id,
        "template.reset" if row.is_shipped else "template.changed",
        row.public_id,
        kind=row.kind,
        channel=row.channel,
        language=row.language,
        version=row.version,
    )


def _newest(rows: list[Template], seen: Mapping[str, int]) -> Template:
    """Which of them another was quicker with."""
    for row in rows:
        newest = (
            Template.objects.of(row.kind, row.channel, row.language)
            .filter(version__gt=seen[row.channel])
            .select_related("author")
            .order_by("-version")
            .first()
        )
        if newest is not None:
            return newest
    raise RuntimeError("Words could not be saved, and nobody else has saved them.")


def frame_anew() -> int:
    """Put the own mails in use into the frame as it is now, their words untouched; how
    many changed. For after an upgrade: processes that run have read the old ones."""
    changed = 0
    for row in Template.objects.in_use().filter(channel=ChannelName.EMAIL):
        made = made_of(row.kind, row.channel, row.language, words_of(row))
        if (made.html, made.plain) != (row.html, row.plain):
            row.html, row.plain = made.html, made.plain
            row.save(update_fields=["html", "plain"])
            changed += 1
    return changed


def history(kind: str, language: str) -> list[Template]:
    """Every version of that kind in that language, the newest first; one query."""
    return list(
        Template.objects.filter(kind=kind, language=language)
        .select_related("author")
        .order_by("-created_at", "-pk")
    )


def own_ones() -> dict[tuple[str, str], set[str]]:
    """(kind, language) → channels with own words; one query."""
    found: dict[tuple[str, str], set[str]] = {}
    for kind, language, channel in Template.objects.in_use().values_list(
        "kind", "language", "channel"
    ):
        found.setdefault((kind, language), set()).add(channel)
    return found
