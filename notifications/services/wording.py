"""Whose words a message is made of: the merchant's own, else the product's.

A batch asks once (`current`), and of what it is told it reads only what this process has
not read before. A version that is saved is used everywhere a second later.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from merchant_portal.lib import rows

from .. import kinds
from ..kinds import Kind
from ..models import Category, ChannelName, Template
from . import layouts, placeholders
from .layouts import COMMON, Layout, NoTemplate
from .placeholders import PlaceholderError

logger = logging.getLogger(__name__)
Key = tuple[str, str, str]
# kind, channel, language
_KEPT = rows.Kept(
    rows.Prepared(
        lambda: Template.objects.in_use().only(
            "public_id", "kind", "channel", "language"
        )
    )
)
_MOST = 1_000
_read: dict[str, Layout | None] = {}
# By public id, which is never used twice; None for one that cannot be used.


@dataclass(frozen=True, slots=True)
class Wording:
    """`own`: public id of the words in use, of what has own ones."""

    own: Mapping[Key, str]

    def layout(self, kind: str, channel: str, language: str) -> Layout:
        """Raises NoTemplate, and PlaceholderError for files that are broken."""
        if not self.own:
            return layouts.layout(kind, channel, language)
        if channel in layouts.WITH_WORDS_OF_SMS:
            channel = ChannelName.SMS
        for name in layouts.steps(language):
            found = self._own(kind, channel, name) or layouts.exact(kind, channel, name)
            if found is not None:
                return found
        raise NoTemplate(f"{kind} has no {channel} template")

    def _own(self, kind: str, channel: str, language: str) -> Layout | None:
        public_id = self.own.get((kind, channel, language))
        if public_id is None:
            return None
        if public_id not in _read:
            _read_all(self.own.values())
        return _read.get(public_id)


SHIPPED = Wording({})


def current() -> Wording:
    """What is in use now, as this process knew it within the last second."""
    return Wording(
        {(row.kind, row.channel, row.language): row.public_id for row in _KEPT.fetch()}
    )


def forget() -> None:
    """Read anew in this process, which has just saved something."""
    _KEPT.forget()


def _read_all(public_ids: Iterable[str]) -> None:
    """One query for all that this process has not read yet."""
    missing = [each for each in public_ids if each not in _read]
    if len(_read) > _MOST:
        _read.clear()
    for row in Template.objects.filter(public_id__in=missing):
        _read[row.public_id] = _usable(row)


def _usable(row: Template) -> Layout | None:
    """None where the kind no longer knows what the words use: the product's stand in,
    so that no message fails."""
    try:
        made = layout_of(row)
        unknown = made.names - allowed(kinds.get(row.kind))
    except (PlaceholderError, kinds.UnknownKind) as exc:
        logger.error("own words cannot be used: %s: %s", row.public_id, exc)
        return None
    if unknown:
        logger.error("own words use %s: %s", ", ".join(sorted(unknown)), row.public_id)
        return None
    return made


def layout_of(row: Template) -> Layout:
    """The words of a version, saved or not, split; raises PlaceholderError."""
    if row.channel != ChannelName.EMAIL:
        return Layout(text=placeholders.compile_text(row.text))
    return Layout(
        text=placeholders.compile_text(row.plain),
        subject=placeholders.compile_text(row.subject),
        html=placeholders.compile_text(row.html),
    )


def allowed(kind: Kind) -> frozenset[str]:
    """Every name that a text of this kind may use."""
    late = {"link_url"} if kind.has_link else set()
    if kind.category == Category.REMINDER:
        late.add("unsubscribe_url")
    return kind.placeholders | COMMON | late
