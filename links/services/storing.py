"""Keeping a webhook: one statement, once for ever.

Written in SQL because Django's way costs a transaction of four round trips and more
time than the signature and the database together.
"""

from django.db import connection

from ..models import EventState
from ..providers.base import ProviderEvent
from . import accounts

_NOW = {
    "postgresql": "STATEMENT_TIMESTAMP()",
    "sqlite": "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')",
}
_STORE = """
    INSERT INTO links_webhookevent (account_id, event_id, kind, body, is_verified,
        state, tries, next_try_at, last_error, received_at)
    SELECT id, %s, %s, %s, TRUE, %s, 0, {now}, '', {now}
    FROM links_provideraccount WHERE slug = %s AND mode = %s
    ON CONFLICT (account_id, event_id) DO NOTHING
    RETURNING id
"""
# Asked after nothing was stored. Not "is there the account": another worker may have
# made it in between, and the event would pass for a repeat and be lost.
_KNOWS_EVENT = """
    SELECT 1 FROM links_webhookevent event
    JOIN links_provideraccount account ON account.id = event.account_id
    WHERE event.event_id = %s AND account.slug = %s AND account.mode = %s
"""


def store(slug: str, event: ProviderEvent, body: bytes) -> int | None:
    """Keep a verified event and commit; its key, or None when it was here before.

    KeyError when the provider's keys are not set. Two statements for a repeat.
    """
    mode = accounts.mode_of(slug)
    if mode is None:
        raise KeyError(slug)
    account = (slug, mode)
    values = (
        event.event_id,
        event.kind,
        body.decode("utf-8", "replace"),
        EventState.RECEIVED.value,
        *account,
    )
    statement = _STORE.format(now=_NOW[connection.vendor])
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
        if row is None:
            cursor.execute(_KNOWS_EVENT, (event.event_id, *account))
            if cursor.fetchone() is None:
                accounts.get(slug)  # the first event of this account makes it
                cursor.execute(statement, values)
                row = cursor.fetchone()
    return None if row is None else int(row[0])
