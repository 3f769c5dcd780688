"""The least that a view of the same kind can do; the product is measured against it."""

import base64
import hashlib
import hmac
import json
import os
import time
import zlib
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from links.models import PaymentLink, WebhookCertificate

_INSERT = (
    "INSERT INTO links_webhookevent (account_id, event_id, kind, body, is_verified,"
    " state, tries, next_try_at, last_error, received_at) VALUES (%s, %s, %s, %s, true,"
    " 'received', 0, now(), '', now()) ON CONFLICT DO NOTHING"
)


@csrf_exempt
def intake(request: HttpRequest) -> HttpResponse:
    """Stripe's signature over the body, and one INSERT into the same table."""
    parts = dict(
        part.split("=", 1) for part in request.META["HTTP_STRIPE_SIGNATURE"].split(",")
    )
    body = request.body
    key = os.environ["STRIPE_WEBHOOK_SECRET"].encode()
    proof = hmac.new(key, f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    if (
        not hmac.compare_digest(proof, parts["v1"])
        or abs(time.time() - int(parts["t"])) > 300
    ):
        return HttpResponse(status=400)
    return _kept(1, "id", "type", body)


@csrf_exempt
def intake_square(request: HttpRequest) -> HttpResponse:
    """Square's signature over address and body, and one INSERT into the same table."""
    body = request.body
    key = os.environ["SQUARE_WEBHOOK_SIGNATURE_KEY"].encode()
    told = f"{settings.PUBLIC_URL}/webhooks/square/".encode() + body
    proof = base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
    given = request.META["HTTP_X_SQUARE_HMACSHA256_SIGNATURE"]
    if not hmac.compare_digest(proof, given):
        return HttpResponse(status=400)
    return _kept(2, "event_id", "type", body)


@csrf_exempt
def intake_paypal(request: HttpRequest) -> HttpResponse:
    """PayPal's signature by a certificate that is here, and one INSERT."""
    meta, body = request.META, request.body
    told = "|".join(
        (
            meta["HTTP_PAYPAL_TRANSMISSION_ID"],
            meta["HTTP_PAYPAL_TRANSMISSION_TIME"],
            os.environ["PAYPAL_WEBHOOK_ID"],
            str(zlib.crc32(body)),
        )
    )
    signature = base64.b64decode(meta["HTTP_PAYPAL_TRANSMISSION_SIG"])
    try:
        _key(meta["HTTP_PAYPAL_CERT_URL"]).verify(
            signature, told.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except InvalidSignature:
        return HttpResponse(status=400)
    return _kept(3, "id", "event_type", body)


@cache
def _key(url: str) -> rsa.RSAPublicKey:
    pem = WebhookCertificate.objects.get(url=url).pem
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("no RSA key")
    return key


def _kept(account: int, name: str, kind: str, body: bytes) -> HttpResponse:
    event = json.loads(body)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, (account, event[name], event[kind], body.decode()))
    return HttpResponse()


def pay(request: HttpRequest, digest: str) -> HttpResponse:
    """One SELECT of a link by its index, and one template."""
    link = PaymentLink.objects.get(token_sha256=digest)
    return render(request, "bench_pay.html", {"link": link})


def rows(request: HttpRequest) -> HttpResponse:
    """The newest links with their customers as a plain table: one SELECT, one template."""
    links = PaymentLink.objects.select_related("customer").order_by(
        "-created_at", "-id"
    )[:50]
    return render(request, "bench_rows.html", {"links": links})


urlpatterns = [
    path("bench/intake/", intake),
    path("bench/intake/paypal/", intake_paypal),
    path("bench/intake/square/", intake_square),
    path("bench/pay/<str:digest>/", pay),
    path("bench/rows/", rows),
    path("", include("merchant_portal.urls")),
]
