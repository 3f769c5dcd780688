"""One shop with so many final checkouts and some open ones; finds those that are due.

`python -m benchmarks._sweeper FINAL OPEN`; for each line on standard input it answers
how many seconds finding took, and by how many statements.
"""

import os
import sys
import time

import django

PART = 100_000


def main(final: int, opened: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "merchant_portal.settings"
    django.setup()
    _fill(final, opened)
    _say("ready")
    for _line in sys.stdin:
        _say(_found())


def _found() -> str:
    from django.conf import settings
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from links.services import looks

    started = time.perf_counter()
    found = looks.due()
    seconds = time.perf_counter() - started
    expected = settings.PROVIDER_CALLS_PER_SECOND * looks.SWEEP_SECONDS
    if len(found) != expected:
        raise ValueError(f"{len(found)} were handed out, not {expected}")
    with CaptureQueriesContext(connection) as asked:
        looks.due()
    return f"{seconds} {len(asked)}"


def _fill(final: int, opened: int) -> None:
    """All on links of their own, which one link stands for here."""
    from django.db import connection

    from benchmarks import _rows
    from links.services import accounts

    link, account = _rows.make_links(1)[0], accounts.get("stripe")
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET statement_timeout = 0")
        # Here one link has them all: the one-live-a-link rule is not what is measured.
        cursor.execute("DROP INDEX checkout_one_live_a_link")
        for state, count, due in (
            ("completed", final, "NULL"),
            ("open", opened, "now() - (n %% 600) * interval '1 second'"),
        ):
            for start in range(0, count, PART):
                cursor.execute(
                    "INSERT INTO links_checkout (public_id, link_id, account_id,"  # noqa: S608 - our own words
                    " amount_minor, tip_minor, quantities, is_shared, currency, parameters,"
                    " state, provider_session_id, url, next_check_at, checks, last_error, created_at)"
                    f" SELECT 'chk_{state}' || n, %s, %s, 1250, 0, '{{}}', false, 'EUR',"
                    f" '{{}}', '{state}',"
                    f" 'cs_{state}' || n, '', {due}, 1, '', now()"
                    " FROM generate_series(%s, %s) n",
                    [link.pk, account.pk, start, min(start + PART, count) - 1],
                )
        cursor.execute("VACUUM ANALYZE links_checkout")
        cursor.execute("CHECKPOINT")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
