"""The carriers' side: a channel of each kind that takes, refuses, hangs or kills."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from notifications.channels import base

FATES = (
    "taken",
    "refused",
    "unreachable",
    "busy",
    "lost",
    "taken, unanswered",
    "down",
    "dies before",
    "dies after",
    "frozen before",
    "frozen after",
)


class Killed(BaseException):
    """This process is gone: nothing of its own code may catch it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One message as a carrier took it."""

    channel: str
    public_id: str


class Carrier:
    """`fates`: what becomes of the next messages, in order; then all are taken.

    `freeze`: what the world does while a sender stands still. `look`: is asked about
    each message at the moment in which it is taken.
    """

    def __init__(self, freeze: Callable[[], None], look: Callable[[str], None]) -> None:
        self.fates: list[str] = []
        self.taken: list[Taken] = []
        self._freeze = freeze
        self._look = look

    def channel(self, name: str) -> type[base.Channel]:
        """A class of channel that is this carrier."""
        carrier = self

        class Fake(base.Channel):
            carrier: ClassVar[str] = "smtp" if name == "email" else "twilio"
            repeats_unclear: ClassVar[bool] = name == "email"

            @classmethod
            def is_captured(cls) -> bool:
                return False

            def send(
                self, outgoing: base.Outgoing, following: base.Following | None = None
            ) -> base.HandedOver:
                return carrier.send(name, outgoing)

        return Fake

    def send(self, channel: str, outgoing: base.Outgoing) -> base.HandedOver:
        fate = self.fates.pop(0) if self.fates else "taken"
        if fate == "frozen before":
            self._freeze()
        outgoing.ensure_fresh()
        if fate == "dies before":
            raise Killed(fate)
        _refuse(fate)
        self._look(outgoing.public_id)
        self.taken.append(Taken(channel, outgoing.public_id))
        if fate == "frozen after":
            self._freeze()
        if fate == "dies after":
            raise Killed(fate)
        if fate == "taken, unanswered":
            raise base.Unclear("no answer")
        return base.HandedOver(f"{channel}-{len(self.taken)}")


def _refuse(fate: str) -> None:
    if fate in ("refused", "unreachable"):
        raise base.Refused(fate, is_unreachable=fate == "unreachable")
    if fate == "busy":
        raise base.Unavailable(fate, retry_after_seconds=90)
    if fate == "lost":
        raise base.Unclear(fate)
    if fate == "down":
        raise base.ChannelDown(fate, is_misconfigured=False)
