"""Webhooks signed under a certificate that this process does not hold.

In the request nothing is fetched: the certificate is in the database because a worker
fetched it before, or the webhook waits, marked as not proved, until one has. Under
another id than its own, so that a forgery cannot pass for the event it names.
"""

import hashlib
from collections.abc import Mapping

import structlog
from django.db import IntegrityError, transaction

from merchant_portal.lib import clock

from ..models import EventState, WebhookCertificate, WebhookEvent
from ..providers.base import (
    CertificateMissing,
    CertifiedProvider,
    Provider,
    WebhookVerificationError,
)
from ..providers.registry import get_provider
from . import accounts

WAITING_MAX = 100
# Unproved webhooks of one account; nobody fills the database with forgeries.
log = structlog.get_logger(__name__)


class TooManyUnproved(Exception):
    """Answer 503: the provider sends it again when some have been looked at."""


def is_proved(provider: Provider, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the webhook is the provider's; False if that cannot be said yet.

    Raises WebhookVerificationError. No statement unless a certificate is missing here.
    """
    try:
        provider.verify_webhook(headers, body)
    except CertificateMissing as missing:
        if not _recall(provider, missing.url):
            return False
        provider.verify_webhook(headers, body)
    return True


def _recall(provider: Provider, url: str) -> bool:
    kept = WebhookCertificate.objects.filter(url=url, expires_at__gt=clock.now())
    pem = kept.values_list("pem", flat=True).first()
    if pem is None or not isinstance(provider, CertifiedProvider):
        return False
    provider.learn_certificate(url, pem)
    return True


def keep(slug: str, kind: str, headers: Mapping[str, str], body: bytes) -> int | None:
    """Store a webhook that waits for its proof; its key, or None for a repeat."""
    account = accounts.get(slug)
    waiting = WebhookEvent.objects.filter(
        account=account, is_verified=False, state=EventState.RECEIVED
    )
    if len(waiting.values_list("pk")[:WAITING_MAX]) == WAITING_MAX:
        raise TooManyUnproved
    proof = {
        name: value for name, value in headers.items() if name.lower().startswith(slug)
    }
    digest = hashlib.sha256(repr(sorted(proof.items())).encode() + body).hexdigest()
    now = clock.database_now()
    event, created = WebhookEvent.objects.get_or_create(
        account=account,
        event_id=f"unproved:{digest}",
        defaults={
            "kind": kind,
            "body": body.decode("utf-8", "replace"),
            "is_verified": False,
            "proof": proof,
            "next_try_at": now,
            "received_at": now,
        },
    )
    return event.pk if created else None


def prove(event: WebhookEvent) -> bool:
    """Fetch what is missing and look again; False if there is nothing to work on.

    What turns out to be forged, or to have come before, is deleted. Raises
    ProviderUnavailable.
    """
    provider = get_provider(event.account.slug)
    body = event.body.encode()
    try:
        _prove(provider, event.proof, body)
        event_id = provider.parse_webhook(body).event_id
    except (WebhookVerificationError, CertificateMissing) as exc:
        log.warning("webhook_refused", provider=provider.slug, problem=str(exc)[:200])
        event.delete()
        return False
    try:
        with transaction.atomic():
            event.event_id, event.is_verified, event.proof = event_id, True, {}
            event.save(update_fields=["event_id", "is_verified", "proof"])
    except IntegrityError:
        event.delete()  # it came again meanwhile, and that one was proved at once
        return False
    return True


def _prove(provider: Provider, headers: Mapping[str, str], body: bytes) -> None:
    try:
        provider.verify_webhook(headers, body)
    except CertificateMissing as missing:
        if not isinstance(provider, CertifiedProvider):
            raise
        if not _recall(provider, missing.url):
            found = provider.fetch_certificate(missing.url)
            WebhookCertificate.objects.update_or_create(
                url=missing.url,
                defaults={"pem": found.pem, "expires_at": found.expires_at},
            )
            provider.learn_certificate(missing.url, found.pem)
        provider.verify_webhook(headers, body)
