"""The screens of imports: who may what, and what each page says."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from conftest import FrozenClock
from links.models import BulkSend, ImportState, LinkImport, PaymentLink
from links.services import import_work, imports, pages
from links.services.import_fields import Setup
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_user

pytestmark = pytest.mark.django_db
TEXT = (
    "Reference,E-mail,Amount,Currency,Description\nA-1,ada@example.com,12.50,EUR,Cake\n"
)
BAD = TEXT + "A-2,no address,zero,EUR,<b>Pie</b>\n"


@pytest.fixture(autouse=True)
def _plain(settings: Any, frozen: FrozenClock) -> None:
    settings.STAFF_MFA_REQUIRED = False


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def to(job: LinkImport, name: str = "change") -> str:
    return reverse(f"admin:links_linkimport_{name}", args=[job.pk])


def ready(by: User, text: str = TEXT) -> LinkImport:
    job = imports.take(io.BytesIO(text.encode()), "links.csv", by=by)
    imports.set_up(job, Setup.of(job.setup))
    import_work.work(job.pk)
    job.refresh_from_db()
    return job


def done(by: User, text: str = TEXT) -> LinkImport:
    job = ready(by, text)
    imports.start(
        job, good_only=True, again=False, version=job.version, actor=by.actor()
    )
    import_work.work(job.pk)
    job.refresh_from_db()
    return job


def streamed(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


ACTS = ("columns", "start", "stop", "send")
READS = ("change", "live")


@pytest.mark.parametrize("role", list(Role))
def test_who_may_do_what(role: Role) -> None:
    job = done(make_user(Role.OWNER))
    client = client_of(make_user(role))
    writes = role in {Role.OWNER, Role.MANAGER}
    sees_all = role != Role.AGENT

    for name in READS:
        answer = client.get(to(job, name), {"state": "done"})
        assert answer.status_code == (200 if sees_all else 404), name
    for name in ACTS:
        answer = client.post(to(job, name))
        wanted = {302, 409, 422} if writes else {404} if role == Role.AGENT else {403}
        assert answer.status_code in wanted, name
    add = client.get(reverse("admin:links_linkimport_add"))
    assert add.status_code == (200 if writes or role == Role.AGENT else 403)
    job.refresh_from_db()
    assert job.state == ImportState.DONE


def test_an_agent_imports_and_sees_only_own_files() -> None:
    agent = make_user(Role.AGENT)
    ready(make_user(Role.OWNER))
    client = client_of(agent)
    file = SimpleUploadedFile("mine.csv", b"Amount,Description\n1.00,Cake\n")

    client.post(reverse("admin:links_linkimport_add"), {"file": file})

    page = client.get(reverse("admin:links_linkimport_changelist")).content.decode()
    assert "mine.csv" in page
    assert "links.csv" not in page


def test_addresses_leave_only_for_who_may_send() -> None:
    job = done(make_user(Role.OWNER))
    url = pages.url_of(PaymentLink.objects.get())

    found = {
        role: streamed(client_of(make_user(role)).get(to(job, "results")))
        for role in (Role.MANAGER, Role.FINANCE)
    }

    assert url.encode() in found[Role.MANAGER]
    assert b"/p/" not in found[Role.FINANCE]
    assert b"PL-2026-000001" in found[Role.FINANCE]


def test_reading_changes_nothing() -> None:
    owner = make_user(Role.OWNER)
    job = ready(owner, BAD)
    client = client_of(owner)

    for name in ("start", "stop", "columns", "send"):
        assert client.get(to(job, name)).status_code == 405
    job.refresh_from_db()
    assert job.state == ImportState.READY


def test_mistakes_are_a_page_and_a_file() -> None:
    owner = make_user(Role.OWNER)
    job = ready(owner, BAD)
    client = client_of(owner)

    page = client.get(to(job)).content.decode()
    file = streamed(client.get(to(job, "mistakes"))).decode("utf-8-sig")

    assert "Import the good row only (1)" in page
    assert "<b>Pie</b>" not in page
    assert file.splitlines()[0] == "Row,Column,What is wrong"
    assert [line.split(",")[:2] for line in file.splitlines()[1:]] == [
        ["3", "Customer's e-mail"],
        ["3", "Amount"],
    ]


def test_the_page_of_work_asks_again_until_it_is_over() -> None:
    owner = make_user(Role.OWNER)
    job = imports.take(io.BytesIO(TEXT.encode()), "links.csv", by=owner)
    imports.set_up(job, Setup.of(job.setup))
    client = client_of(owner)

    assert "Every row is being checked" in client.get(to(job)).content.decode()
    going = client.get(to(job, "live"), {"state": "checking"})
    import_work.work(job.pk)
    over = client.get(to(job, "live"), {"state": "checking"})

    assert "HX-Refresh" not in going
    assert over["HX-Refresh"] == "true"


def test_the_next_step_is_a_sending_to_these_links() -> None:
    owner = make_user(Role.OWNER)
    job = done(owner)

    answer = client_of(owner).post(to(job, "send"))

    made = BulkSend.objects.get()
    assert answer["Location"] == reverse("admin:links_bulksend_change", args=[made.pk])
    assert [item.link.imported_in for item in made.items.all()] == [job]


def test_a_form_of_older_settings_starts_nothing() -> None:
    owner = make_user(Role.OWNER)
    job = ready(owner)

    answer = client_of(owner).post(to(job, "start"), {"version": job.version - 1})

    assert answer.status_code == 409
    assert not PaymentLink.objects.exists()


def test_no_file_is_said() -> None:
    answer = client_of(make_user()).post(reverse("admin:links_linkimport_add"))

    assert answer.status_code == 422
    assert "Choose a file." in answer.content.decode()


def test_the_form_of_a_file_needs_its_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    file = SimpleUploadedFile("x.csv", TEXT.encode())

    answer = client.post(reverse("admin:links_linkimport_add"), {"file": file})

    assert answer.status_code == 403
    assert not LinkImport.objects.exists()


def test_an_operator_imports_by_a_command(tmp_path: Any) -> None:
    owner = make_user(Role.OWNER)
    path = tmp_path / "links.csv"
    path.write_text(BAD)
    command = ["import_links", str(path), "--by", owner.email]

    with pytest.raises(CommandError, match="1 of 2 rows have mistakes"):
        call_command(*command, stderr=io.StringIO())
    with pytest.raises(CommandError, match="Nobody with that e-mail"):
        call_command("import_links", str(path), "--by", make_user(Role.AUDITOR).email)
    assert not PaymentLink.objects.exists()

    call_command(*command, "--good-rows-only", stdout=io.StringIO())
    assert PaymentLink.objects.get().created_by == owner
    with pytest.raises(CommandError, match="No row of this file"):
        call_command(*command, "--good-rows-only")


def test_a_link_is_found_by_its_reference_and_leads_to_its_file() -> None:
    owner = make_user(Role.OWNER)
    job = done(owner, TEXT.replace("A-1", "Order 77/b"))
    link = PaymentLink.objects.get()
    client = client_of(owner)

    found = client.get(
        reverse("admin:links_paymentlink_changelist"), {"q": "Order 77/b"}
    )
    page = client.get(reverse("admin:links_paymentlink_change", args=[link.pk]))

    assert str(link.number) in found.content.decode()
    assert "Order 77/b" in page.content.decode()
    assert to(job) in page.content.decode()
