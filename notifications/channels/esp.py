"""E-mail over the HTTP API of a mail service, as django-anymail speaks it.

The service is named by settings.EMAIL_ESP. What was taken is called by the service's own
name; our public id goes along, so that its reports find the message.
"""

from typing import Any

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailError,
    AnymailRecipientsRefused,
)
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.module_loading import import_string
from urllib3.exceptions import NewConnectionError

from merchant_portal import mail_services

from . import mime
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
from .email import message_id_of

METADATA = "portal_message"
# the name under which our public id goes along and comes back
BY_TAG = frozenset({"mailersend", "postal"})
# They carry no metadata; a tag comes back in their reports.
TRACKS_CLICKS = frozenset(
    {
        *("mailersend", "mailgun", "mailjet", "mandrill", "postmark", "sendgrid"),
        *("sparkpost", "unisender_go"),
    }
)
# Where the service can be told in each mail not to rewrite links and not to put a
# picture into it; at the others it is switched in the account.
FORGETS_REPEATS = {"resend": "Idempotency-Key"}
# The header by which a service drops a second copy; the others have none.
KEEPS_OUR_ID = {"postmark": ("X-PM-KeepID", "true")}
# What makes a service that gives mails a Message-ID of its own keep ours.
MAX_RETRY_AFTER_SECONDS = 3600
_MISCONFIGURED = frozenset({401, 402, 403, 404, 405})
# Wrong key, not paid, not allowed, no such domain or account.
_CODES = {
    "mandrill": lambda body: body["name"],
    "postal": lambda body: body["data"]["code"],
    "postmark": lambda body: body["ErrorCode"],
}
# Where an answer says what its HTTP status does not.
_ACCOUNT = {
    "mandrill": {"Invalid_Key", "PaymentRequired", "Unknown_Subaccount"},
    "postal": {"InvalidServerAPIKey", "AccessDenied", "ServerSuspended"},
    # https://postmarkapp.com/developer/api/overview#error-codes: token, sender, credits
    "postmark": {"10", "400", "401", "405", "412", "413"},
}
_ABOUT_ADDRESS = {"hard-bounce", "spam", "invalid"}
# of Mandrill's reasons; the others are about the sender or the account


class _Session(requests.Session):
    """Looks at the clock last thing before a request, follows nothing, keeps Retry-After."""

    def __init__(self) -> None:
        super().__init__()
        self.outgoing: Outgoing | None = None
        self.retry_after_seconds = 0
        self.has_left = False

    def send(
        self, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        if self.outgoing is not None:
            self.outgoing.ensure_fresh()
        self.has_left = True
        # The key travels in a header of its own, which a redirect would hand on.
        response = super().send(request, **{**kwargs, "allow_redirects": False})
        after = response.headers.get("Retry-After", "")
        is_number = after.isascii() and after.isdigit()
        self.retry_after_seconds = (
            min(int(after), MAX_RETRY_AFTER_SECONDS) if is_number else 0
        )
        return response


class EspChannel(Channel):
    """One HTTP session for a batch, a request a mail."""

    carrier = "esp"
    repeats_unclear = True  # with the same Message-ID

    def __init__(self) -> None:
        self._esp = self._name = str(settings.EMAIL_ESP)
        self._backend: Any = None
        self._session = _Session()

    @classmethod
    def is_captured(cls) -> bool:
        return bool(settings.EMAIL_CAPTURED)

    @classmethod
    def reports_arrival(cls) -> bool:
        """Where its webhook is set up."""
        return mail_services.is_heard(settings.EMAIL_ESP, settings.ANYMAIL)

    def close(self) -> None:
        self._session.close()

    def send(
        self, outgoing: Outgoing, following: Following | None = None
    ) -> HandedOver:
        try:
            mail = self._mail_of(outgoing)
        except mime.BadHeader as exc:
            raise Refused(f"Cannot be written as a mail: {exc}") from exc
        self._session.outgoing, self._session.has_left = outgoing, False
        if name := FORGETS_REPEATS.get(self._esp):
            self._session.headers[name] = outgoing.public_id
        try:
            self._opened().send_messages([mail])
        except AnymailConfigurationError as exc:
            raise ChannelDown(
                f"{self._name} is not set up, check EMAIL_URL.", is_misconfigured=True
            ) from exc
        except AnymailError as exc:
            raise self._answered(exc) from exc
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            if self._session.has_left:  # an answer that anymail did not expect
                raise Unclear(f"{self._name}'s answer cannot be read.") from exc
            raise Refused(f"Cannot be written as a mail: {_name(exc)}") from exc
        return self._taken(mail.anymail_status, outgoing)  # type: ignore[attr-defined]

    def _taken(self, status: Any, outgoing: Outgoing) -> HandedOver:
        """Anymail raises for addresses that are refused, but not for all that fails."""
        response = status.esp_response
        said = set(status.status or ())
        if said <= {"sent", "queued"} and said:
            known_as = str(status.message_id or "")
            return HandedOver(known_as or message_id_of(outgoing.public_id))
        if "failed" in said or (response is not None and response.status_code >= 400):
            raise Refused(f"{self._name} did not take it.")
        raise Unclear(f"{self._name} did not say whether it was taken.")

    def _opened(self) -> Any:
        """Anymail's backend for the service, with our session in it."""
        if self._backend is None:
            backend = import_string(f"anymail.backends.{self._esp}.EmailBackend")()
            self._name = backend.esp_name
            backend.session = self._session
            self._backend = backend
        return self._backend

    def _mail_of(self, outgoing: Outgoing) -> EmailMultiAlternatives:
        """Raises BadHeader."""
        headers = {
            "Message-ID": message_id_of(outgoing.public_id),
            "Auto-Submitted": "auto-generated",
            **dict([KEEPS_OUR_ID[self._esp]] if self._esp in KEEPS_OUR_ID else []),
        }
        if outgoing.unsubscribe_url:
            # RFC 8058: one click, no cookie
            headers["List-Unsubscribe"] = f"<{outgoing.unsubscribe_url}>"
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail = EmailMultiAlternatives(
            subject=mime.one_line("subject", outgoing.subject),
            body=outgoing.text,
            from_email=_checked(outgoing.sender),
            to=[mime.envelope_address(outgoing.recipient)],
            reply_to=[_checked(outgoing.reply_to)] if outgoing.reply_to else None,
            headers=headers,
        )
        if outgoing.html:
            mail.attach_alternative(outgoing.html, "text/html")
        for file in outgoing.attachments:
            mail.attach(file.filename, file.content, file.content_type)
        about: dict[str, Any] = (
            {"tags": [outgoing.public_id]}
            if self._esp in BY_TAG
            else {"metadata": {METADATA: outgoing.public_id}}
        )
        if self._esp in TRACKS_CLICKS:
            about |= {
                "track_opens": outgoing.tracks_opens,
                "track_clicks": False,  # nobody should be led astray on the way to pay
            }
        for name, value in about.items():
            setattr(mail, name, value)
        return mail

    def _answered(self, exc: AnymailError) -> ChannelError:
        """What a refusal or a silence means for the message and for the service."""
        if isinstance(exc, AnymailRecipientsRefused):
            return Refused(
                f"{self._name} does not write to this address.",
                is_unreachable=self._esp != "mandrill"
                or _mandrill_reason(exc.response) in _ABOUT_ADDRESS,
            )
        if not isinstance(exc, AnymailAPIError):
            # said before anything left: a feature, an address, data it cannot hold
            return Refused(f"{self._name} cannot be given this mail: {_name(exc)}")
        if exc.response is None:
            return self._unanswered(exc)
        return self._status(exc.response)

    def _unanswered(self, exc: AnymailAPIError) -> ChannelError:
        cause = exc.__cause__
        if isinstance(cause, requests.exceptions.SSLError):
            return ChannelDown(
                f"{self._name} proves no identity: {_name(cause)}",
                is_misconfigured=True,
            )
        if isinstance(cause, requests.exceptions.ConnectionError) and _never_connected(
            cause
        ):
            return ChannelDown(
                f"{self._name} cannot be reached.", is_misconfigured=False
            )
        return Unclear(f"{self._name} did not answer: {_name(cause or exc)}")

    def _status(self, response: requests.Response) -> ChannelError:
        status = response.status_code
        code = _code_of(self._esp, response)
        said = f"{self._name} answered {status}" + (f", error {code}" if code else "")
        if status in {429, 503}:
            return Unavailable(
                said, retry_after_seconds=self._session.retry_after_seconds
            )
        is_account = status in _MISCONFIGURED or 300 <= status < 400
        if is_account or code in _ACCOUNT.get(self._esp, ()):
            return ChannelDown(f"{said}, check EMAIL_URL", is_misconfigured=True)
        if (self._esp, code) == ("mandrill", "ValidationError") or (
            self._esp == "postal" and code
        ):
            return Refused(said)  # which these two say with 500 and with 200
        if status == 408 or status >= 500 or status < 300:
            return Unclear(said)
        return Refused(said)


def _checked(address: str) -> str:
    """`Name <local@domain>` as it is, for the service to encode; raises BadHeader."""
    mime.envelope_address(address)
    return mime.one_line("address", address)


def _never_connected(exc: requests.exceptions.ConnectionError) -> bool:
    """Whether not one byte of the request can have left."""
    if isinstance(exc, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(exc.args[0], "reason", None) if exc.args else None
    return isinstance(reason, NewConnectionError)


def _code_of(esp: str, response: requests.Response) -> str:
    """The service's own code of an error, or empty."""
    if esp not in _CODES:
        return ""
    try:
        code = str(_CODES[esp](response.json()))
    except (ValueError, KeyError, TypeError):
        return ""
    return code if len(code) <= 40 and code.replace("_", "").isalnum() else ""


def _mandrill_reason(response: requests.Response) -> str:
    try:
        return str(response.json()[0].get("reject_reason") or "")
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""


def _name(exc: BaseException) -> str:
    return type(exc).__name__
