"""Time to pay and what came after reminders: the same as plain SQL says."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from links.models import PaymentLink
from links.reports import timing
from links.reports.base import Ask, ReportError
from links.reports.behind import Behind
from links.reports.registry import REPORTS
from links.services import payments
from merchant_portal.staff.roles import Role
from notifications.models import Message

from .factories import NOON, make_customer, make_link, make_seen, make_user
from .report_shop import ZONE, moment, rows_of, tell

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2025, 12, 1), date(2027, 7, 31)
TIMES, REMINDED = REPORTS["times"], REPORTS["reminders"]
Link = tuple[int, str, datetime, datetime, str, int, str]
LINKS = """
SELECT id, currency, first_sent_at, paid_at, last_channels, amount_paid_minor, public_id
FROM links_paymentlink
WHERE status = 'paid' AND first_sent_at IS NOT NULL
"""
REMINDERS = """
SELECT reference, sent_at, channel, dedupe_key FROM notifications_message
WHERE category = 'reminder' AND sent_at IS NOT NULL ORDER BY sent_at, id
"""


def told() -> list[tuple[Any, ...]]:
    """Each paid link with the moment, channel and step of the last reminder before."""
    reminders = rows_of(REMINDERS)
    found = []
    for link in rows_of(LINKS):
        before = [
            (moment(at), channel, key.split(":")[2])
            for reference, at, channel, key in reminders
            if reference == link[6] and moment(at) < moment(link[3])
        ]
        found.append((*link, before[-1] if before else (None, "", "")))
    return found


def spans(by: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for _pk, _code, sent, paid, channels, _minor, _id, (_at, _channel, step) in told():
        names = channels if isinstance(channels, list) else eval_list(channels)
        key = {
            "channel": "+".join(sorted(names)),
            "weekday": str(moment(sent).astimezone(ZONE).isoweekday()),
            "step": step,
        }[by]
        found[key].append(int((moment(paid) - moment(sent)).total_seconds()))
    return found


def eval_list(text: str) -> list[str]:
    """A list of words, as SQLite keeps it."""
    return [word.strip(' "') for word in text.strip("[]").split(",") if word.strip()]


def test_is_as_plain_sql_says_and_leads_to_its_links() -> None:
    """And the control: a link that was paid a second later is noticed."""
    tell()
    assert len(told()) > 20

    for by in TIMES.by:
        rows = {row.key: row for row in TIMES.rows(Ask(FIRST, LAST, by))}
        expected = spans(by)
        assert rows.keys() == expected.keys()
        for key, found in expected.items():
            figures = rows[key].figures
            assert figures["links"] == len(found)
            assert figures["median"] == int(median(found))
            within = sum(span <= figures["most"] for span in found)
            assert within * 10 >= 9 * len(found) > (within - 1) * 10
            behind = Behind(timing.PAID_LINKS, "", FIRST, LAST, by, key)
            assert Behind.parse(behind.code) == behind
            assert behind.rows(ZONE).count() == len(found)
    assert len(spans("step")) > 1

    before = spans("weekday")["1"]
    PaymentLink.objects.filter(status="paid").update(paid_at=NOON)
    (row,) = [r for r in TIMES.rows(Ask(FIRST, LAST, "weekday")) if r.key == "1"]
    assert row.figures["median"] != int(median(before))


def test_reminders_get_what_came_within_seven_days_and_nothing_else() -> None:
    tell()
    expected: dict[tuple[str, str], list[int]] = defaultdict(list)
    for _pk, code, _sent, paid, _ch, minor, _id, (at, channel, _step) in told():
        is_near = at is not None and moment(paid) - at <= timedelta(days=7)
        expected[channel if is_near else "", code].append(minor)

    rows = REMINDED.rows(Ask(FIRST, LAST, "channel"))

    assert {(row.key, row.currency): row.figures["amount"] for row in rows} == {
        place: sum(found) for place, found in expected.items()
    }
    assert any(row.key for row in rows)
    for row in rows:
        behind = Behind(timing.BROUGHT, row.currency, FIRST, LAST, "channel", row.key)
        assert Behind.parse(behind.code) == behind
        assert behind.rows(ZONE).count() == row.figures["links"]


class TestOneLink:
    def reminded(self, days_before: float, key: str = "reminder:x:7:email") -> None:
        """A link that was paid so many days after its last reminder."""
        link = make_link(make_customer())
        payments.record(make_seen(link, payment_id=link.public_id))
        PaymentLink.objects.filter(pk=link.pk).update(
            first_sent_at=NOON - timedelta(days=20), paid_at=NOON
        )
        Message.objects.create(
            kind="reminder",
            category="reminder",
            channel="email",
            reference=link.public_id,
            recipient="ada@example.com",
            language="en",
            dedupe_key=f"{key}:{link.public_id}",
            state="sent",
            due_at=NOON,
            created_at=NOON,
            sent_at=NOON - timedelta(days=days_before),
        )

    @pytest.mark.parametrize(
        ("days", "key"), [(7, "email"), (7.01, ""), (-0.1, ""), (0.1, "email")]
    )
    def test_seven_days_and_not_after_the_payment(self, days: float, key: str) -> None:
        self.reminded(days)

        (row,) = REMINDED.rows(Ask(NOON.date(), NOON.date(), "channel"))

        assert row.key == key
        assert row.figures["amount"] == 1250
        assert row.figures.get("median") == (int(days * 86_400) if key else None)

    def test_of_a_step_that_is_gone_and_of_a_promise(self) -> None:
        self.reminded(1)
        self.reminded(1, "reminder:x:2026-03-01:email")

        rows = REMINDED.rows(Ask(NOON.date(), NOON.date(), "step"))

        assert {row.key for row in rows} == {"7", timing.PROMISE}
        assert "A step that is gone" in {row.title for row in rows}

    def test_the_page_says_that_they_are_too_many(
        self, monkeypatch: pytest.MonkeyPatch, client: Client, settings: Any
    ) -> None:
        settings.STAFF_MFA_REQUIRED = False
        self.reminded(1)
        monkeypatch.setattr(timing, "MOST", 0)
        client.force_login(make_user(Role.FINANCE))
        query = {"first": "2026-03-01", "last": "2026-03-31"}

        page = client.get(reverse("admin:links_report", args=["times"], query=query))
        file = reverse("admin:links_report_csv", args=["times"], query=query)

        assert page.status_code == 200
        assert "Choose fewer days." in page.content.decode()
        assert client.get(file).status_code == 404

    def test_too_many_are_refused_and_few_statements_taken(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def asked() -> int:
            with CaptureQueriesContext(connection) as captured:
                TIMES.rows(Ask(FIRST, LAST, "step"))
            return len(captured)

        self.reminded(1)
        few = asked()
        for _number in range(6):
            self.reminded(1)
        assert asked() == few <= 5

        monkeypatch.setattr(timing, "MOST", 6)
        with pytest.raises(ReportError) as caught:
            TIMES.rows(Ask(FIRST, LAST, "step"))
        assert caught.value.field == "first"


@pytest.mark.parametrize(
    ("spans", "half", "nine"),
    [([5], 5, 5), ([1, 2], 1, 2), ([3, 1, 2], 2, 3), (list(range(1, 21)), 10, 18)],
)
def test_the_middle_and_nine_of_ten(spans: list[int], half: int, nine: int) -> None:
    assert (timing.middle(spans), timing.nine_of_ten(spans)) == (half, nine)
