"""A channel for tests: says yes, or does what the test wants at each message."""

from collections.abc import Callable
from typing import ClassVar

from notifications.channels.base import Channel, Following, HandedOver, Outgoing


class FakeCarrier:
    """What reached the carrier, and what it does: `on_send` may raise or meddle;
    `asks_ahead`: for the next one, while the server reads."""

    def __init__(self) -> None:
        self.taken: list[Outgoing] = []
        self.on_send: Callable[[Outgoing], None] = lambda outgoing: None
        self.asks_ahead = False

    def channel(self, *, repeats: bool) -> type[Channel]:
        owner = self

        class FakeChannel(Channel):
            carrier: ClassVar[str] = "fake"
            repeats_unclear: ClassVar[bool] = repeats

            @classmethod
            def is_captured(cls) -> bool:
                return False

            def send(
                self, outgoing: Outgoing, following: Following | None = None
            ) -> HandedOver:
                outgoing.ensure_fresh()
                if owner.asks_ahead and following:
                    following.make()
                owner.on_send(outgoing)
                owner.taken.append(outgoing)
                return HandedOver(f"id-{outgoing.public_id}")

        return FakeChannel
