"""The ways to send a link, as boxes to tick: each knows where it would go."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from customers.models import ContactKind
from notifications.models import ChannelName

from ..services import recipients


@dataclass(frozen=True, slots=True)
class Way:
    """`contact`: email or phone, of what its address is a kind; `to`: blank = unknown."""

    name: str
    label: str
    contact: str
    to: str
    is_ticked: bool


def by_channel(known: Mapping[str, str]) -> dict[str, str]:
    """channel → address, from addresses by kind of contact; blanks are left out."""
    return {
        channel: known[kind]
        for channel, kind in recipients.KIND_OF_CHANNEL.items()
        if known.get(kind)
    }


def of(known: Mapping[str, str], ticked: Collection[str]) -> list[Way]:
    """One for each channel; `known`: channel → address."""
    return [
        Way(
            name=channel,
            label=str(ChannelName(channel).label),
            contact=ContactKind(kind),
            to=known.get(channel, ""),
            is_ticked=channel in ticked,
        )
        for channel, kind in recipients.KIND_OF_CHANNEL.items()
    ]
