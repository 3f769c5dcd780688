"""What every provider adapter takes and gives: frozen dataclasses, few errors."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from merchant_portal.lib.money import Money


class ProviderError(Exception):
    """A call to a provider did not do what was asked; the text is for staff."""


class ProviderRejected(ProviderError):
    """The provider refused for good: do not repeat."""


class ForeignPayment(ProviderRejected):
    """Taken by another program of the merchant's: not ours to book or to ask about."""


class ProviderUnavailable(ProviderError):
    """No answer, or none that counts: outcome unknown, repeat with the same key."""


class ProviderBusy(ProviderUnavailable):
    """It answered 429: too many calls. `rest_seconds`: how long to leave it alone."""

    def __init__(self, message: str, rest_seconds: float) -> None:
        super().__init__(message)
        self.rest_seconds = rest_seconds


class ProviderMisconfigured(ProviderError):
    """Keys or account settings are wrong: staff must act."""


class WebhookVerificationError(Exception):
    """The webhook is not proved to come from the provider: answer 400."""


class CertificateMissing(Exception):
    """The webhook names a certificate that may be the provider's, and that was not
    fetched yet. `url`: where; it is on the provider's own host."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class SessionState(StrEnum):
    """Where a hosted session stands at the provider.

    COMPLETED: the payer is done, though money may still be on its way; with nothing but
    failed payments it counts as failed. EXPIRED, FAILED: no money can come any more.
    UNKNOWN: asked about again.
    """

    OPEN = "open"
    COMPLETED = "completed"
    EXPIRED = "expired"
    FAILED = "failed"
    UNKNOWN = "unknown"


class SeenState(StrEnum):
    """What a provider says of a payment; values are those of PaymentState."""

    PROCESSING = "processing"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class Line:
    description: str
    amount: Money


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What is needed to open a hosted session; repeated unchanged after a crash.

    `reference`: our Checkout.public_id; `link_reference`: our PaymentLink.public_id.
    `idempotency_key`: at most 45 ASCII characters; used again for up to 23 hours.
    `language`: like `de` or `pt-br`. `expires_at`: 31 minutes to 23 hours after the click;
    a provider that ends sooner tells its own end in CheckoutSnapshot.
    """

    reference: str
    link_reference: str
    idempotency_key: str
    amount: Money
    title: str
    return_url: str
    cancel_url: str
    language: str
    customer_email: str = ""
    expires_at: datetime | None = None


class RefundState(StrEnum):
    """What a provider says of a refund."""

    PENDING = "pending"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """Money to give back; repeated unchanged, and never under another key.

    `reference`: our Refund.public_id, which is the idempotency key as well (at most 45
    ASCII characters). `amount`: of the payment's currency, at most what is left of it.
    """

    reference: str
    provider_payment_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund as a provider describes it now.

    `reference` is ours, as far as the provider gives it back; empty for refunds made
    elsewhere.
    """

    provider_refund_id: str
    state: RefundState
    amount: Money
    occurred_at: datetime
    reference: str = ""
    failure: str = ""


class DisputeState(StrEnum):
    """What a provider says of a dispute; values are those of the booked one."""

    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class DisputeSnapshot:
    """One dispute of a payment as a provider describes it now.

    A state that an adapter does not know is UNDER_REVIEW. `provider_payment_id`: empty
    if the provider does not say. `reason`: in the provider's word. `respond_by`: until
    when the merchant may answer there. `changed_at`: by the provider's clock; None
    where it does not say, then for all its disputes.
    """

    account_slug: str
    provider_dispute_id: str
    provider_payment_id: str
    state: DisputeState
    amount: Money
    reason: str
    opened_at: datetime
    respond_by: datetime | None
    changed_at: datetime | None = None


class PayoutState(StrEnum):
    """What a provider says of a payout; values are those of the booked one."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    CANCELED = "canceled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PayoutSnapshot:
    """Money sent to the merchant's bank, as a provider describes it now.

    `amount`: below zero if it was taken from there. A state that an adapter does not
    know is PENDING.
    """

    account_slug: str
    provider_payout_id: str
    state: PayoutState
    amount: Money
    created_at: datetime
    arrives_on: date | None = None


@dataclass(frozen=True, slots=True)
class PaymentSnapshot:
    """One payment as a provider describes it now.

    `fee`: None while unknown. `checkout_reference` and `link_reference` are ours,
    as far as the provider gives them back; empty otherwise. `refunds`: all of them that
    the provider tells of, those made elsewhere too. `method` (`card`) and `failure` (why
    it was declined) are for staff, and are cut to our width when they are booked.
    """

    account_slug: str
    provider_payment_id: str
    state: SeenState
    amount: Money
    occurred_at: datetime
    provider_session_id: str = ""
    checkout_reference: str = ""
    link_reference: str = ""
    fee: Money | None = None
    method: str = ""
    failure: str = ""
    refunds: tuple[RefundSnapshot, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckoutSnapshot:
    """A hosted session as the provider describes it now, with its payments.

    `awaits_capture`: the payer has agreed, and no money moves until `capture`.
    """

    provider_session_id: str
    state: SessionState
    url: str = ""
    expires_at: datetime | None = None
    payments: tuple[PaymentSnapshot, ...] = ()
    awaits_capture: bool = False


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """The envelope of a verified webhook: a hint of what to read anew.

    One of the last three says what to fetch; all empty means that the event says
    nothing we act on.
    """

    event_id: str
    kind: str
    provider_session_id: str = ""
    provider_payment_id: str = ""
    provider_dispute_id: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this provider can do; asked before the call."""

    hosted_checkout: bool = True
    expire: bool = True
    refund: bool = False
    disputes: bool = False
    payouts: bool = False
    webhooks: bool = True
    currencies: frozenset[str] | None = None  # None: every one we know
    # By currency, where there is such a rule.
    minimum_minor: Mapping[str, int] = field(default_factory=dict)
    maximum_minor: Mapping[str, int] = field(default_factory=dict)
    step_minor: Mapping[str, int] = field(default_factory=dict)  # only multiples of it
    form_action_hosts: tuple[str, ...] = ()  # for the page's Content-Security-Policy


class Provider(Protocol):
    """One module-level adapter class a provider; no models, requests or HTML."""

    slug: ClassVar[str]
    title: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    webhook_events: ClassVar[tuple[str, ...]]  # to register at the provider

    def create_checkout(self, request: CheckoutRequest) -> CheckoutSnapshot:
        """Open a session, or return the one already opened with this key."""

    def fetch_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        """Read a session and its payments."""

    def expire_checkout(self, provider_session_id: str) -> CheckoutSnapshot:
        """Close an open session; a paid one is returned as it is."""

    def capture(
        self, provider_session_id: str, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Take the money of a session that awaits it; once for each key."""

    def fetch_payment(self, provider_payment_id: str) -> PaymentSnapshot:
        """Read one payment and its refunds."""

    def refund(self, request: RefundRequest) -> RefundSnapshot:
        """Give money back, or return what the first call with this key did.

        ProviderUnavailable: nobody knows. Then `fetch_payment` tells in time, by the
        reference; another call may give back twice.
        """

    def fetch_dispute(self, provider_dispute_id: str) -> DisputeSnapshot:
        """Read one dispute; answering it is done at the provider."""

    def list_payments(self, since: datetime) -> Iterable[PaymentSnapshot]:
        """Payments changed or refunded since then, oldest first, with our references:
        a session whose opening was never answered is found by nothing else."""

    def list_disputes(self, since: datetime) -> Iterable[DisputeSnapshot]:
        """Disputes opened or changed since then, in any order; none where
        `capabilities` says that there are none."""

    def list_payouts(self, since: datetime) -> Iterable[PayoutSnapshot]:
        """Payouts begun since then, in any order, as they stand now; asked only where
        `capabilities` says that there are any."""

    def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> None:
        """Return if the raw body is proved to be the provider's, else raise
        WebhookVerificationError; a CertifiedProvider may raise CertificateMissing.

        `headers`: in any case, of a plain dict too. Without keys nothing is proved. Of a
        CertifiedProvider those are kept whose names begin with its slug.
        """

    def parse_webhook(self, body: bytes) -> ProviderEvent:
        """The envelope of a verified body; raises WebhookVerificationError if it is
        none."""

    def check_account(self) -> str:
        """Empty if the keys work, else what is missing, for staff; also what of the
        account or of the webhook would keep money from coming."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What proves a provider's webhooks, as PEM."""

    pem: str
    expires_at: datetime


@runtime_checkable
class CertifiedProvider(Provider, Protocol):
    """A provider whose webhooks are proved by certificates that are fetched from it."""

    def fetch_certificate(self, url: str) -> Certificate:
        """What is at the address of a CertificateMissing, looked through;
        WebhookVerificationError if it is not the provider's."""

    def learn_certificate(self, url: str, pem: str) -> None:
        """Keep what `fetch_certificate` gave here or in another process."""
