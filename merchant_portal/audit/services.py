"""Writing down what people and keys did."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.transaction import TransactionManagementError

from merchant_portal.lib import clock

from . import chain
from .models import AuditEntry


@dataclass(frozen=True, slots=True)
class _Act:
    actor: str
    action: str
    object_id: str
    details: dict[str, Any]


_waiting: ContextVar[list[_Act] | None] = ContextVar("acts_waiting", default=None)


def record(
    actor: str,
    action: str,
    object_id: str,
    **details: object,
) -> None:
    """Keep one act for ever; the last statement of the transaction that does it.

    From here on no other transaction can record until this one ends: whoever takes
    another lock after it may wait for somebody who waits for this one. A transaction
    of several acts goes inside `recorded_last`.

    `actor`: public id. `action`: thing and verb, such as `link.canceled`. `details`:
    field names and plain facts, never a name, an address or a number of a person.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("An act is recorded in its own transaction.")
    act = _Act(actor, action, object_id, chain.plain_details(details))
    waiting = _waiting.get()
    if waiting is None:
        _append(act)
    else:
        waiting.append(act)


@contextmanager
def recorded_last() -> Iterator[None]:
    """Hold back the acts recorded inside the block until its end.

    For a transaction that calls several services: `with transaction.atomic(),
    audit.recorded_last():`. What raises is not recorded.
    """
    acts: list[_Act] = []
    token = _waiting.set(acts)
    try:
        yield
    finally:
        _waiting.reset(token)
    for act in acts:
        _append(act)


def tail() -> tuple[int, str]:
    """Number and hash of the newest entry; before the first, 0 and GENESIS."""
    rows = AuditEntry.objects.order_by("-sequence").values_list("sequence", "hash")
    return rows.first() or (0, chain.GENESIS)


def _append(act: _Act) -> None:
    chain.take_lock()
    sequence, previous_hash = tail()
    now = clock.now()
    content = chain.Content(
        # whole milliseconds: more does not survive dumpdata
        now.replace(microsecond=now.microsecond // 1000 * 1000),
        act.actor,
        act.action,
        act.object_id,
        act.details,
    )
    version = chain.newest_key()
    AuditEntry.objects.create(
        sequence=sequence + 1,
        at=content.at,
        actor=act.actor,
        action=act.action,
        object_id=act.object_id,
        details=act.details,
        key_version=version,
        previous_hash=previous_hash,
        hash=chain.entry_hash(previous_hash, content, version),
    )
