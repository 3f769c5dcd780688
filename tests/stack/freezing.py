"""A Celery application whose worker freezes itself once while it sends.

FREEZE_AT names the place: a crash point, or `socket`, right before the first byte
leaves; `:2` is the second pass. WITHOUT takes one guard away, for a negative control.
Started as `celery -A tests.stack.freezing worker`, never by the product.
"""

import os
import signal
from collections import Counter
from collections.abc import Sequence

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from notifications.channels import base  # noqa: E402
from notifications.models.messages import MessageQuerySet  # noqa: E402
from notifications.services import claims, delivery, outcomes  # noqa: E402
from notifications.services.claims import Claim  # noqa: E402

__all__ = ["app"]

FROZEN, ENDED = "frozen on purpose", "woke and came to its end"
_place, _colon, _nth = os.environ["FREEZE_AT"].partition(":")
_passes: Counter[str] = Counter()
_ensure_fresh = base.Outgoing.ensure_fresh
_deliver = delivery.deliver


def _say(words: str) -> None:
    os.write(2, f"{words}\n".encode())


def _freeze_at(name: str) -> None:
    _passes[name] += 1
    if (name, _passes[name]) == (_place, int(_nth or 1)):
        _say(FROZEN)
        os.kill(os.getpid(), signal.SIGSTOP)


def _freeze_at_the_socket(outgoing: base.Outgoing) -> None:
    _freeze_at("socket")
    _ensure_fresh(outgoing)


def _deliver_and_tell(claims: Sequence[Claim]) -> bool:
    is_done = _deliver(claims)
    if _passes[_place] >= int(_nth or 1):
        _say(ENDED)
    return is_done


claims.crash_at = _freeze_at  # type: ignore[attr-defined] # looked up there
delivery.crash_at = _freeze_at  # type: ignore[attr-defined]
outcomes.crash_at = _freeze_at  # type: ignore[attr-defined]
delivery.deliver = _deliver_and_tell
base.Outgoing.ensure_fresh = _freeze_at_the_socket  # type: ignore[method-assign, assignment]


def _always(held: Claim) -> bool:
    return True


def _whoever_holds_it(rows: MessageQuerySet, pk: int, fence: int) -> MessageQuerySet:
    return rows.filter(pk=pk)


match os.environ.get("WITHOUT", ""):
    case "freshness":
        claims.FRESH_SECONDS = 10**9
    case "mark":
        delivery.start_handing_over = _always  # type: ignore[attr-defined]
    case "fence":
        MessageQuerySet.held = _whoever_holds_it  # type: ignore[method-assign, assignment]
        outcomes._HELD = "true"
