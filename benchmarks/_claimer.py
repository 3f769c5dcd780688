"""One shop with so many messages, that claims 500 of them whenever it is told to.

`python -m benchmarks._claimer COUNT`; for each line on standard input it answers how
many seconds a claim took.
"""

import os
import sys
import time

import django

DUE = 500
PART = 500_000


def main(count: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "merchant_portal.settings"
    django.setup()
    from benchmarks import _mails

    _mails.make_links(DUE)
    _fill(count)
    _say("ready")
    for number, _line in enumerate(sys.stdin):
        _mails.make_due(DUE, f"claim-{number}")
        _say(str(_claimed()))


def _claimed() -> float:
    """Seconds of a claim; what was claimed counts as sent afterwards."""
    from notifications.services import claims, outcomes

    started = time.perf_counter()
    held = claims.claim(DUE)
    seconds = time.perf_counter() - started
    if len(held) != DUE:
        raise ValueError(f"{len(held)} were claimed")
    outcomes.write_captured(held)
    return seconds


def _fill(count: int) -> None:
    """What was sent over the years, and one in a hundred that waits for its day."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET statement_timeout = 0")
        for start in range(0, count, PART):
            cursor.execute(
                "INSERT INTO notifications_message (public_id, kind, category, channel,"
                " reference, subject_id, recipient, language, dedupe_key, is_automatic,"
                " state, due_at, fence, tries, provider_message_id, last_error,"
                " created_at, sent_at)"
                " SELECT 'msg_old' || n, 'invitation', 'invitation', 'email',"
                " 'plk_old' || n / 4, '', 'ada' || n || '@example.com', 'en', 'old' || n,"
                " false, CASE WHEN n %% 100 = 0 THEN 'queued' ELSE 'sent' END,"
                " now() + CASE WHEN n %% 100 = 0 THEN 1 ELSE -1 END"
                " * (1 + n %% 1000) * interval '1 day', 1, 1,"
                " '<msg_old' || n || '@shop.example>', '', now(), now()"
                " FROM generate_series(%s, %s) n",
                [start, min(start + PART, count) - 1],
            )
        cursor.execute("VACUUM ANALYZE notifications_message")
        cursor.execute("CHECKPOINT")
        cursor.execute("RESET synchronous_commit")
        cursor.execute("RESET statement_timeout")


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
