"""Idempotency-Key: a POST that may be repeated is done once and answered the same.

How the effect happens at most once, whoever dies when:

1. *Claim.* A row (key, Idempotency-Key) with the digest of method, path and body and
   a lease is committed before any work. The unique constraint lets one request in;
   others find the row and are answered from it: the stored answer, 409 while the
   lease runs, 422 if their digest differs.
2. *Work.* One transaction locks that row under the claimer's fence, does the work and
   stores the answer. Work and answer are committed together or not at all, so there
   is no moment at which the work is done and the answer unknown to us.
   - Killed before the commit: nothing was done. The row stays without an answer; once
     its lease has lapsed a repeat takes it up (fence + 1) and does the work, first.
   - Killed after the commit: the answer is there and is replayed.
   - Frozen beyond its lease and woken again: its fence is no longer the newest, so it
     finds no row to lock, does nothing and gives the answer of whoever was faster.
     While it holds the row's lock nobody takes the row up, however old the lease.
   - On SQLite every transaction takes the write lock at once, which is as good.
3. *Refusal.* An answer below 500 is kept like a success, after what the refused work
   wrote is rolled back. On 5xx the row goes, so that the next repeat may try at once;
   if that fails too, the lease ends it.

What is done outside the database (messages, calls to providers) is started by rows of
the same transaction, never by the request, so it is covered by this as well.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, IntegrityError, transaction

from merchant_portal.lib import clock
from merchant_portal.lib.crash import crash_at

from ..models import ApiKey, ApiRequest

logger = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
# longer than the web server lets one request live
KEPT = timedelta(days=7)
# providers of the field keep 24 hours; a week covers a long weekend's outage
ATTEMPTS = 3
# a row may vanish or be taken up between two looks, but hardly twice
SWEEP_EVERY = 100
SWEEP_SIZE = 500
# every hundredth request clears away what is older; more than comes in on average


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work of one row, until another raises its fence."""

    pk: int
    fence: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: JSON as text, with `{link_url}` for a link's address."""

    status: int
    body: str


Work = Callable[[], Answer]


class InFlight(Exception):
    """The first request is still at work; repeat in a moment."""


class KeyReused(Exception):
    """The same Idempotency-Key came with another method, path or body."""


class Superseded(Exception):
    """The lease lapsed and another request took the row up."""


def digest(method: str, path: str, body: str) -> str:
    """What makes two requests the same; `body` in canonical form."""
    return hashlib.sha256(f"{method}\n{path}\n{body}".encode()).hexdigest()


def once(
    key: ApiKey, idempotency_key: str, request_sha256: str, work: Work
) -> tuple[Answer, bool]:
    """Do `work` unless it was done; its answer, and whether it is a replay.

    Raises InFlight, KeyReused, and whatever `work` raises after rolling it back.
    """
    for _attempt in range(ATTEMPTS):
        claim = _insert(key, idempotency_key, request_sha256) or _found(
            key, idempotency_key, request_sha256
        )
        if isinstance(claim, Answer):
            return claim, True
        if claim is None:
            continue
        crash_at("api.after_claim")
        try:
            return _run(claim, work), False
        except Superseded:
            continue
        except Exception:
            _release(claim)
            raise
    raise InFlight


def _insert(key: ApiKey, idempotency_key: str, request_sha256: str) -> Claim | None:
    now = clock.database_now()
    try:
        with transaction.atomic():
            row = ApiRequest.objects.create(
                key=key,
                idempotency_key=idempotency_key,
                request_sha256=request_sha256,
                lease_until=now + LEASE,
                created_at=now,
            )
    except IntegrityError:
        return None
    if row.pk % SWEEP_EVERY == 0:
        sweep(now)
    return Claim(row.pk, row.fence)


def _found(
    key: ApiKey, idempotency_key: str, request_sha256: str
) -> Claim | Answer | None:
    """What an earlier request left; None if that is gone and one may insert again."""
    now = clock.database_now()
    row = ApiRequest.objects.filter(key=key, idempotency_key=idempotency_key).first()
    if row is None:
        return None
    if row.created_at < now - KEPT:
        ApiRequest.objects.filter(pk=row.pk, created_at=row.created_at).delete()
        return None
    if row.request_sha256 != request_sha256:
        raise KeyReused
    if row.response_status is not None:
        return Answer(row.response_status, row.response_body)
    return _take_over(row.pk, now)


def _take_over(pk: int, now: datetime) -> Claim:
    """Take up what was left undone, unless its lease runs or its row is locked."""
    with transaction.atomic():
        row = (
            ApiRequest.objects.select_for_update(skip_locked=True)
            .filter(pk=pk, response_status__isnull=True, lease_until__lt=now)
            .first()
        )
        if row is None:
            raise InFlight
        row.fence += 1
        row.lease_until = now + LEASE
        row.save(update_fields=["fence", "lease_until"])
    return Claim(row.pk, row.fence)


def _run(claim: Claim, work: Work) -> Answer:
    """Work and its stored answer, in one transaction under the fence."""
    with transaction.atomic():
        mine = (
            ApiRequest.objects.select_for_update()
            .filter(pk=claim.pk, fence=claim.fence, response_status__isnull=True)
            .first()
        )
        if mine is None:
            raise Superseded
        answer = work()
        mine.response_status = answer.status
        mine.response_body = answer.body
        mine.save(update_fields=["response_status", "response_body"])
        crash_at("api.before_commit")
    crash_at("api.after_commit")
    return answer


def _release(claim: Claim) -> None:
    """Free the key of a request that failed on our side; the lease is the fallback."""
    try:
        ApiRequest.objects.filter(
            pk=claim.pk, fence=claim.fence, response_status__isnull=True
        ).delete()
    except DatabaseError:
        logger.warning("api.claim_not_released", request=claim.pk)


def sweep(now: datetime) -> int:
    """Forget what is older than KEPT, a bounded number at a time; how many."""
    old = ApiRequest.objects.filter(created_at__lt=now - KEPT).values("pk")
    deleted, _by_model = ApiRequest.objects.filter(pk__in=old[:SWEEP_SIZE]).delete()
    return deleted
