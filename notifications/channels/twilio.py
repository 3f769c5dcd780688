"""What SMS and WhatsApp have in common: Twilio's Messages API, version 2010-04-01."""

from abc import abstractmethod
from typing import Any, ClassVar

import requests
from django.conf import settings
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError

from .base import (
    Channel,
    ChannelDown,
    ChannelError,
    Following,
    HandedOver,
    Outgoing,
    Refused,
    Unavailable,
    Unclear,
)
from .twilio_errors import is_unreachable, words_of

TIMEOUT_SECONDS = 10  # below the lease; the SDK itself would wait for ever
MAX_CHARACTERS = 1600  # Twilio's limit of Body
MAX_RETRY_AFTER_SECONDS = 3600


class _FreshHttpClient(TwilioHttpClient):  # type: ignore[misc]
    """Looks at the clock last thing before the request and keeps Retry-After."""

    def __init__(self, outgoing: Outgoing) -> None:
        super().__init__(timeout=TIMEOUT_SECONDS)
        self._outgoing = outgoing
        self.retry_after_seconds = 0

    def request(self, *args: Any, **kwargs: Any) -> Response:
        self._outgoing.ensure_fresh()
        response = super().request(*args, **kwargs)
        after = str((response.headers or {}).get("Retry-After", ""))
        if after.isascii() and after.isdigit():
            self.retry_after_seconds = min(int(after), MAX_RETRY_AFTER_SECONDS)
        return response


class TwilioChannel(Channel):
    """One request a message, never repeated: Twilio's create is not idempotent."""

    carrier = "twilio"
    repeats_unclear = False
    prefix: ClassVar[str] = ""  # before both addresses; blank for SMS

    @classmethod
    def reports_arrival(cls) -> bool:
        return True

    @classmethod
    @abstractmethod
    def sender(cls) -> str:
        """A number in E.164, or a messaging service's id."""

    @abstractmethod
    def content(self, outgoing: Outgoing) -> dict[str, str]:
        """What it says, as parameters of the SDK; raises Refused."""

    def send(
        self, outgoing: Outgoing, following: Following | None = None
    ) -> HandedOver:
        content = self.content(outgoing)
        http = _FreshHttpClient(outgoing)
        try:
            message = _client(http).messages.create(
                to=f"{self.prefix}{outgoing.recipient}",
                status_callback=status_url(outgoing.public_id),
                **self._from(),
                **content,
            )
        except TwilioRestException as exc:
            raise _answered(exc, http.retry_after_seconds) from exc
        except requests.exceptions.ConnectionError as exc:
            if _never_connected(exc):
                raise ChannelDown(
                    "Twilio cannot be reached.", is_misconfigured=False
                ) from exc
            raise Unclear("Twilio hung up without an answer.") from exc
        except (requests.exceptions.RequestException, TwilioException) as exc:
            raise Unclear(f"Twilio did not answer: {type(exc).__name__}") from exc
        except ValueError as exc:  # an answer that is not JSON
            raise Unclear("Twilio's answer cannot be read.") from exc
        finally:
            # No connection is used twice: one that died idle would leave it unclear
            # whether the next message was taken.
            http.session.close()
        return HandedOver(str(message.sid))

    def _from(self) -> dict[str, str]:
        sender = self.sender()
        if sender.startswith("MG"):
            return {"messaging_service_sid": sender}
        return {"from_": f"{self.prefix}{sender}"}


def body_of(outgoing: Outgoing) -> dict[str, str]:
    """Its own words as they are; raises Refused for more than Twilio takes."""
    if len(outgoing.text) > MAX_CHARACTERS:
        raise Refused(f"A message holds at most {MAX_CHARACTERS} characters.")
    return {"body": outgoing.text}


def _never_connected(exc: requests.exceptions.ConnectionError) -> bool:
    """Whether not one byte of the request can have left."""
    if isinstance(exc, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(reason, NewConnectionError)


def status_url(public_id: str) -> str:
    """Where Twilio reports what became of a message."""
    return f"{settings.PUBLIC_URL}/webhooks/twilio/status/{public_id}/"


def _client(http: TwilioHttpClient) -> Client:
    client = Client(
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http
    )
    # The SDK reads these from the environment and would rewrite the host.
    client.edge = client.region = None
    if settings.TWILIO_API_BASE:
        client.api.base_url = settings.TWILIO_API_BASE
    return client


def _answered(exc: TwilioRestException, retry_after_seconds: int) -> ChannelError:
    said = words_of(exc.code) or f"Twilio answered {exc.status}, error {exc.code}"
    if exc.status == 429:
        return Unavailable(said, retry_after_seconds=retry_after_seconds)
    if exc.status in {401, 403}:
        return ChannelDown(f"{said}, check TWILIO_AUTH_TOKEN", is_misconfigured=True)
    if 400 <= exc.status < 500:
        return Refused(said, is_unreachable=is_unreachable(exc.code))
    return Unclear(said)
