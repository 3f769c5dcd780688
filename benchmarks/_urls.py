"""The least that a view of the same kind can do; the product is measured against it."""

import hashlib
import hmac
import json
import time

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from links.models import PaymentLink

_INSERT = (
    "INSERT INTO links_webhookevent (account_id, event_id, kind, body, is_verified,"
    " state, tries, next_try_at, last_error, received_at) VALUES (1, %s, %s, %s, true,"
    " 'received', 0, now(), '', now()) ON CONFLICT DO NOTHING"
)


@csrf_exempt
def intake(request: HttpRequest) -> HttpResponse:
    """Stripe's signature over the body, and one INSERT into the same table."""
    parts = dict(
        part.split("=", 1) for part in request.META["HTTP_STRIPE_SIGNATURE"].split(",")
    )
    body = request.body
    key = settings.STRIPE_WEBHOOK_SECRET.encode()
    proof = hmac.new(key, f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    if (
        not hmac.compare_digest(proof, parts["v1"])
        or abs(time.time() - int(parts["t"])) > 300
    ):
        return HttpResponse(status=400)
    event = json.loads(body)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, (event["id"], event["type"], body.decode()))
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
    path("bench/pay/<str:digest>/", pay),
    path("bench/rows/", rows),
    path("", include("merchant_portal.urls")),
]
