"""The screens of sendings to many: choose, look, start, watch, read what came of it."""

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from conftest import FrozenClock
from links.models import BulkSend, BulkState, PaymentLink, Way
from links.services import bulk, bulk_work, links
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from notifications.models import Message, MessageState

from .factories import make_customer, make_link, make_user

pytestmark = pytest.mark.django_db
LIST = reverse("admin:links_paymentlink_changelist")


@pytest.fixture
def owner(frozen: FrozenClock) -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def client(settings: Any, owner: User) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(owner)
    return client


def many(count: int, owner: User, name: str = "Ada") -> list[PaymentLink]:
    return [
        make_link(
            make_customer(f"{name} {n}", f"ada{n}@example.com"), actor=owner.actor()
        )
        for n in range(count)
    ]


def to(job: BulkSend, name: str = "change", *more: str) -> str:
    return reverse(f"admin:links_bulksend_{name}", args=[job.pk, *more])


def started(owner: User) -> BulkSend:
    job = bulk.draft(PaymentLink.objects.all(), by=owner)
    bulk.start(job, way=Way.EITHER, actor=owner.actor())
    while bulk_work.step(job.pk):
        pass
    job.refresh_from_db()
    return job


def test_ticked_links_become_a_job_that_waits_for_a_yes(
    client: Client, owner: User
) -> None:
    first, second, _third = many(3, owner)
    form = {"action": "send_to_many", "_selected_action": [first.pk, second.pk]}

    answer = client.post(LIST, form, follow=True)

    job = BulkSend.objects.get()
    page = answer.content.decode()
    assert job.state == BulkState.DRAFT
    assert answer.redirect_chain[-1][0] == to(job)
    assert "Send 2 links" in page
    assert not Message.objects.exists()

    client.post(to(job, "start"), {"way": "either"})
    client.post(to(job, "start"), {"way": "email"})
    bulk_work.step(job.pk)
    job.refresh_from_db()
    assert (job.state, job.way) == (BulkState.RUNNING, "either")
    assert set(Message.objects.values_list("reference", flat=True)) == {
        first.public_id,
        second.public_id,
    }


def test_all_that_match_the_filter_and_no_other(client: Client, owner: User) -> None:
    open_, closed = many(2, owner)
    links.cancel(closed, actor=SYSTEM)
    page = client.get(LIST, {"status__exact": "active"}).content.decode()
    where = reverse("admin:links_paymentlink_all") + "?status__exact=active"

    client.post(where)

    job = BulkSend.objects.get()
    assert where in page
    assert [item.link for item in job.items.all()] == [open_]


def test_an_address_that_cannot_be_makes_no_job(client: Client, owner: User) -> None:
    many(1, owner)
    where = reverse("admin:links_paymentlink_all")

    assert client.post(f"{where}?nonsense__exact=1").status_code == 302
    assert client.get(where).status_code == 405
    assert not BulkSend.objects.exists()


def test_nothing_and_too_much_are_said(
    client: Client, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(2, owner)
    monkeypatch.setattr(bulk, "MOST", 1)

    answer = client.post(reverse("admin:links_paymentlink_all"), follow=True)

    assert "Narrow the list" in answer.content.decode()
    assert not BulkSend.objects.exists()


def test_says_before_what_will_happen_by_each_way(client: Client, owner: User) -> None:
    many(2, owner)
    make_link(make_customer(email=""), actor=owner.actor())
    make_link(None, actor=owner.actor())
    job = bulk.draft(PaymentLink.objects.all(), by=owner)

    either = client.get(to(job)).content.decode()
    only_mail = client.get(to(job), {"way": "email"}).content.decode()

    assert "<strong>2</strong> by e-mail" in either
    assert "<strong>1</strong> by SMS" in either
    assert "about 1 part" in either or "about 2 parts" in either
    assert "1 · no address to send it to" in either
    assert "2 · no address to send it to" in only_mail
    assert 'name="way" value="email"' in only_mail


def test_pauses_resumes_and_stops(client: Client, owner: User) -> None:
    many(1, owner)
    job = bulk.draft(PaymentLink.objects.all(), by=owner)
    client.post(to(job, "start"), {"way": "either"})

    states = []
    for act in ("pause", "resume", "stop", "resume"):
        client.post(to(job, "act", act))
        job.refresh_from_db()
        states.append(job.state)

    assert states == ["paused", "running", "stopped", "stopped"]
    assert client.post(to(job, "act", "explode")).status_code == 404
    assert client.get(to(job, "act", "pause")).status_code == 405


def test_lists_every_failure_with_its_reason(client: Client, owner: User) -> None:
    bad, good = many(2, owner)
    nobody = make_link(None, actor=owner.actor())
    job = started(owner)
    Message.objects.filter(reference=bad.public_id).update(
        state=MessageState.FAILED, last_error="550 no such user"
    )
    Message.objects.filter(reference=good.public_id).update(state=MessageState.SENT)

    everything = client.get(to(job)).content.decode()
    failed = client.get(to(job), {"show": "failed"}).content.decode()
    left_out = client.get(to(job), {"show": "left_out"}).content.decode()

    assert "550 no such user" in everything
    assert str(bad.number) in failed
    assert str(good.number) not in failed
    assert "no address to send it to" in left_out
    assert str(nobody.number) in left_out
    assert str(good.number) not in left_out
    assert client.get(to(job), {"show": "<x>", "after": "9" * 30}).status_code == 200


def test_exports_what_no_spreadsheet_calculates(client: Client, owner: User) -> None:
    many(1, owner, name="=HYPERLINK(1)")
    job = started(owner)

    book = load_workbook(io.BytesIO(b"".join(client.get(to(job, "xlsx")))))
    answer = client.get(to(job, "csv"))

    rows = list(csv.reader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert (
        answer["Content-Disposition"] == f'attachment; filename="{job.public_id}.csv"'
    )
    assert rows[0][:3] == ["Link", "Customer", "Amount"]
    assert rows[1][1] == "'=HYPERLINK(1) 0"
    assert rows[1][2:7] == [
        "12.50",
        "EUR",
        "Waiting to leave",
        "E-mail",
        "ada0@example.com",
    ]
    (row,) = list(book.worksheets[0].iter_rows(min_row=2))
    assert (row[1].data_type, row[1].value) == ("s", "=HYPERLINK(1) 0")
    assert row[2].value == 12.5


def test_sends_again_to_those_that_failed(client: Client, owner: User) -> None:
    bad, good = many(2, owner)
    job = started(owner)
    assert client.post(to(job, "again")).status_code == 302
    assert BulkSend.objects.count() == 1
    Message.objects.filter(reference=bad.public_id).update(state=MessageState.FAILED)
    Message.objects.filter(reference=good.public_id).update(state=MessageState.SENT)

    page = client.get(to(job)).content.decode()
    answer = client.post(to(job, "again"), follow=True)

    assert "Send again to those that failed" in page
    assert "<strong>1</strong> by e-mail" in answer.content.decode()
    assert [i.link for i in BulkSend.objects.get(again=job).items.all()] == [bad]


def test_live_part_counts_and_loads_the_page_anew_at_a_change(
    client: Client, owner: User
) -> None:
    many(1, owner)
    job = bulk.draft(PaymentLink.objects.all(), by=owner)
    bulk.start(job, way=Way.EITHER, actor=owner.actor())

    same = client.get(to(job, "live"), {"state": "running"})
    other = client.get(to(job, "live"), {"state": "paused"})

    assert "of 1 are through" in same.content.decode()
    assert other["HX-Refresh"] == "true"
    assert not other.content


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FINANCE])
def test_who_may_only_look_starts_nothing(
    client: Client, owner: User, role: Role
) -> None:
    (link,) = many(1, owner)
    job = bulk.draft(PaymentLink.objects.all(), by=owner)
    client.force_login(make_user(role))

    answers = [
        client.post(LIST, {"action": "send_to_many", "_selected_action": [link.pk]}),
        client.post(reverse("admin:links_paymentlink_all")),
        client.post(to(job, "start"), {"way": "either"}),
        client.post(to(job, "again")),
        client.post(to(job, "act", "stop")),
    ]

    job.refresh_from_db()
    assert job.state == BulkState.DRAFT
    assert BulkSend.objects.count() == 1
    assert [answer.status_code for answer in answers[1:]] == [403] * 4
    assert "Send to all of these" not in client.get(LIST).content.decode()
    assert to(job, "start") not in client.get(to(job)).content.decode()


def test_an_agent_sends_own_links_and_sees_own_jobs(
    client: Client, owner: User
) -> None:
    agent = make_user(Role.AGENT)
    own = make_link(make_customer(email="own@example.com"), actor=agent.actor())
    (foreign,) = many(1, owner)
    theirs = bulk.draft(PaymentLink.objects.all(), by=owner)
    client.force_login(agent)

    client.post(
        LIST,
        {"action": "send_to_many", "_selected_action": [own.pk, foreign.pk]},
    )

    job = BulkSend.objects.get(created_by=agent)
    assert [item.link for item in job.items.all()] == [own]
    assert client.get(to(job)).status_code == 200
    for name in ("change", "live"):
        assert client.get(to(theirs, name)).status_code == 404
    for name in ("csv", "xlsx"):
        assert client.get(to(theirs, name)).status_code == 403
    assert client.post(to(theirs, "start"), {"way": "either"}).status_code == 404
    rows = client.get(reverse("admin:links_bulksend_changelist")).content.decode()
    assert to(job) in rows
    assert to(theirs) not in rows


def test_pages_cost_the_same_for_few_and_for_many(
    client: Client, owner: User, django_assert_max_num_queries: Any
) -> None:
    many(60, owner)
    job = bulk.draft(PaymentLink.objects.all(), by=owner)
    with django_assert_max_num_queries(30):
        client.get(to(job))
    bulk.start(job, way=Way.EITHER, actor=owner.actor())
    bulk_work.step(job.pk)
    for where in (to(job), to(job, "csv"), to(job, "live")):
        with django_assert_max_num_queries(18):
            client.get(where)
    with django_assert_max_num_queries(22):
        client.get(reverse("admin:links_bulksend_changelist"))
