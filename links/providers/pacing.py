"""What is done before each call to a provider, and how long one that is busy rests.

Adapters call `step` before each exchange. It does nothing for a payer's click or a
webhook; background work sets what it does, and so goes at the pace it was given.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

REST_SECONDS, REST_SECONDS_MAX = 60.0, 3600.0
# Where a provider does not say how long; and longer than that is asked again anyway.
_hook: ContextVar[Callable[[], None] | None] = ContextVar("before_call", default=None)


def step() -> None:
    """One call is about to leave."""
    hook = _hook.get()
    if hook is not None:
        hook()


@contextmanager
def stepping(hook: Callable[[], None]) -> Iterator[None]:
    """`hook` runs before each call that this thread makes inside the block."""
    token = _hook.set(hook)
    try:
        yield
    finally:
        _hook.reset(token)


def rest_seconds(headers: Mapping[str, str] | None) -> float:
    """What `Retry-After` says, seconds or a date; a minute where it says nothing."""
    named = {str(name).lower(): str(value) for name, value in (headers or {}).items()}
    said = named.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        seconds = float(said[:9])
    else:
        try:
            until = parsedate_to_datetime(said)
        except ValueError:
            return REST_SECONDS
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        seconds = (until - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 1.0), REST_SECONDS_MAX)
