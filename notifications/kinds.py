"""Which kinds of messages exist; filled by each app's `message_kinds` module."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .channels.base import Attachment
from .models import Category, Message

Values = dict[str, str]
Files = Callable[[], Sequence[Attachment]]
NotBefore = Callable[[Sequence[Message], datetime], Mapping[int, datetime]]


class UnknownKind(LookupError):
    """Nobody registered a kind of that name."""


def _no_links(messages: Sequence[Message]) -> dict[int, str]:
    return {}


def _at_once(messages: Sequence[Message], now: datetime) -> dict[int, datetime]:
    return {}


def _always(messages: Sequence[Message]) -> set[int]:
    return {message.pk for message in messages}


def no_files(messages: Sequence[Message]) -> Mapping[int, Files]:
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of message says, to whom it still matters, and where it leads.

    `name`: folder of its templates. `channels`: names of ChannelName it has templates
    for. `placeholders`: the values its templates may use beside the common ones.
    The callables take a batch of messages of this kind (`not_before`: of all kinds that
    have the same), make one query each, and take no locks:
    `context` gives for each message's pk all of `placeholders`, formatted in the
    message's language; a pk left out means that the thing is gone, and the message
    fails. `link_urls` gives the secret address that fills `{link_url}` when a message
    is sent or shown. `still_due` gives the pks that are still wanted. `not_before`
    gives, for those that must not leave at `now`, the moment from which they may.
    `sample`: values to preview with, by language. `attachments` gives what makes the
    files of an e-mail, called when its turn comes. `is_given`: its words come rendered
    from the caller, and it has no templates. `for_staff`: its readers work here, and it
    has templates in their languages only.
    """

    name: str
    category: Category
    channels: frozenset[str]
    placeholders: frozenset[str]
    context: Callable[[Sequence[Message]], Mapping[int, Values]]
    admin_url: Callable[[Message], str]
    sample: Callable[[str], Values]
    still_due: Callable[[Sequence[Message]], set[int]] = _always
    not_before: NotBefore = _at_once
    link_urls: Callable[[Sequence[Message]], Mapping[int, str]] = _no_links
    attachments: Callable[[Sequence[Message]], Mapping[int, Files]] = no_files
    required: frozenset[str] = field(default_factory=frozenset)
    is_given: bool = False
    for_staff: bool = False

    @property
    def is_to_staff(self) -> bool:
        return self.for_staff or self.category == Category.SIGN_IN

    @property
    def has_link(self) -> bool:
        """Whether `{link_url}` means something in its messages."""
        return self.link_urls is not _no_links


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Add a kind; a second one of the same name is a programming error."""
    if kind.name in _KINDS:
        raise ValueError(f"A message kind named {kind.name!r} exists already.")
    _KINDS[kind.name] = kind


def get(name: str) -> Kind:
    try:
        return _KINDS[name]
    except KeyError:
        raise UnknownKind(name) from None


def all_kinds() -> list[Kind]:
    return sorted(_KINDS.values(), key=lambda kind: kind.name)


def by_kind(messages: Sequence[Message]) -> dict[str, list[Message]]:
    """The messages grouped by the name of their kind."""
    groups: dict[str, list[Message]] = {}
    for message in messages:
        groups.setdefault(message.kind, []).append(message)
    return groups
