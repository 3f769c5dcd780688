"""What a channel is: it takes one finished message and hands it to a carrier.

A channel knows no models, no requests and no kinds of messages.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

MAX_DIALOGUE_SECONDS = 30.0
# From start_before to the content; the answer must come within the claim's lease, too.


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an e-mail; `content_type` such as `application/pdf`."""

    filename: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Following:
    """From whom and to whom the message after this one goes, as headers say it.

    `make`: gives it whole, for a channel that has to wait anyway; None when it can be
    made only at its turn.
    """

    sender: str
    recipient: str
    make: "Callable[[], Outgoing | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message ready to go, secret addresses filled in.

    `public_id`: ours, the same at every try. `start_before`: on time.monotonic; a
    process that was frozen until later must not hand it over any more.
    `template_id`: the carrier's own name of an approved text, where only such may go;
    `template_values` fill its holes, and `text` is what comes of both. `tracks_opens`:
    a mail service may be asked to note when it is opened.
    """

    public_id: str
    recipient: str
    text: str
    sender: str = ""
    subject: str = ""
    html: str = ""
    reply_to: str = ""
    unsubscribe_url: str = ""
    attachments: tuple[Attachment, ...] = ()
    template_id: str = ""
    template_values: Mapping[str, str] = field(default_factory=dict)
    tracks_opens: bool = False
    start_before: float

    def ensure_fresh(self) -> None:
        """Called right before the first byte leaves; raises TooLate."""
        if time.monotonic() > self.start_before:
            raise TooLate("The claim is too old.")

    def ensure_held(self) -> None:
        """Called once more where a carrier may keep us waiting; raises TooLate.

        Nobody else has taken the claim over by then, but soon somebody may.
        """
        if time.monotonic() > self.start_before + MAX_DIALOGUE_SECONDS:
            raise TooLate("The carrier was too slow for this claim.")


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The carrier has it. `provider_message_id`: the carrier's own name for it."""

    provider_message_id: str


class ChannelError(Exception):
    """A message was not handed over, or perhaps was; the class says what to do.

    The text is kept with the message and shown to staff: no addresses in it.
    `permanent`: trying again cannot help.
    """

    permanent = False


class Refused(ChannelError):
    """The carrier, or our own check, will never take this message.

    `is_unreachable`: the address itself is bad or has opted out: write no more.
    """

    permanent = True

    def __init__(self, text: str, *, is_unreachable: bool = False) -> None:
        super().__init__(text)
        self.is_unreachable = is_unreachable


class Unavailable(ChannelError):
    """Nothing was taken; try again, after `retry_after_seconds` if the carrier says."""

    def __init__(self, text: str, *, retry_after_seconds: int = 0) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class Unclear(ChannelError):
    """No answer came: it may have been taken."""


class ChannelDown(ChannelError):
    """No message can go just now: credentials, TLS, or nobody answers there.

    `is_misconfigured`: a person must mend it.
    """

    def __init__(self, text: str, *, is_misconfigured: bool) -> None:
        super().__init__(text)
        self.is_misconfigured = is_misconfigured


class TooLate(ChannelError):
    """The claim is too old; nothing was sent."""


class Channel(ABC):
    """Used as a context manager for one batch, so that a connection serves it all."""

    carrier: ClassVar[str]
    repeats_unclear: ClassVar[bool]
    # Whether a message that may have been taken is sent again: only where a second
    # copy does little harm.

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections; never raises."""
        return

    @classmethod
    def reports_arrival(cls) -> bool:
        """Whether its carrier tells later that a message arrived; else silence says
        nothing."""
        return False

    @classmethod
    @abstractmethod
    def is_captured(cls) -> bool:
        """Nothing is configured: messages are kept in the product, not sent."""

    @abstractmethod
    def send(
        self, outgoing: Outgoing, following: Following | None = None
    ) -> HandedOver:
        """Hand one message over, within a bounded time, without trying again.

        `following`: whose message most likely comes next; a carrier may be told so
        already, and is given nothing by it. It may be made while an answer is awaited.

        Raises Refused (never again), Unavailable (not taken, later), Unclear (perhaps
        taken), ChannelDown (nothing goes now), TooLate (`start_before` has passed).
        """
