import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry
from merchant_portal.audit.tests.tampering import record_five, triggers_lifted

from ..admin import audit_check
from ..roles import Role
from .factories import make_user

pytestmark = pytest.mark.django_db
LIST = reverse("admin:audit_auditentry_changelist")
VERIFY = reverse("admin:audit_auditentry_verify")


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def entry() -> AuditEntry:
    audit.record("usr_1", "link.canceled", "plk_77", reason="typo")
    return AuditEntry.objects.get()


def test_auditor_reads_and_changes_nothing(client: Client, entry: AuditEntry) -> None:
    client.force_login(make_user(Role.AUDITOR))
    change = reverse("admin:audit_auditentry_change", args=[entry.pk])
    delete = reverse("admin:audit_auditentry_delete", args=[entry.pk])

    assert "plk_77" in client.get(LIST).content.decode()
    assert "typo" in client.get(change).content.decode()
    assert client.post(change, {"actor": "usr_2"}).status_code == 403
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:audit_auditentry_add")).status_code == 403
    assert AuditEntry.objects.get().actor == "usr_1"


def test_finds_by_exact_id(client: Client, entry: AuditEntry) -> None:
    audit.record("usr_1", "link.canceled", "plk_88")
    client.force_login(make_user(Role.OWNER))

    page = client.get(LIST, {"q": "plk_77"}).content.decode()

    assert "plk_77" in page
    assert "plk_88" not in page


def test_list_counts_nothing(
    client: Client, entry: AuditEntry, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(make_user(Role.OWNER))
    client.get(LIST)

    # session, person, business, accounts, entries, people and keys to choose from;
    # and the business once a second
    with django_assert_num_queries(8):
        client.get(LIST)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT])
def test_others_do_not_see_it(client: Client, entry: AuditEntry, role: Role) -> None:
    client.force_login(make_user(role))

    assert client.get(LIST).status_code == 403


def test_filters_by_who_and_by_what(client: Client, entry: AuditEntry) -> None:
    ada = make_user(Role.OWNER, name="Ada")
    audit.record(ada.public_id, "refund.approved", "rfd_1")
    audit.record(ada.public_id, "link.sent", "plk_1")
    client.force_login(ada)

    def shown(**query: str) -> list[str]:
        rows = client.get(LIST, query).context["cl"].result_list
        return [row.object_id for row in rows]

    assert shown() == ["plk_1", "rfd_1", "plk_77"]
    assert shown(who=ada.public_id) == ["plk_1", "rfd_1"]
    assert shown(thing="refund") == ["rfd_1"]
    assert shown(thing="nonsense") == ["plk_1", "rfd_1", "plk_77"]
    assert shown(who=ada.public_id, thing="link") == ["plk_1"]
    assert "Ada" in client.get(LIST).content.decode()


def test_checks_the_whole_log_step_by_step_and_says_since_when(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_check, "STEP", 2)
    record_five()
    auditor = make_user(Role.AUDITOR)
    client.force_login(auditor)
    assert "not checked from here yet" in client.get(VERIFY).content.decode()

    pages = [client.post(VERIFY, {"start": "1"})]
    while not pages[-1].context["check"].is_done:
        pages.append(client.post(VERIFY, headers={"HX-Request": "true"}))

    assert [page.context["check"].entries for page in pages] == [2, 4, 5]
    assert "2 of 5 entries" in pages[0].content.decode()
    assert "5 entries, whole and in order." in pages[-1].content.decode()
    done = AuditEntry.objects.get(action="audit.verified")
    assert (done.actor, done.details) == (
        auditor.public_id,
        {"entries": 5, "findings": 0},
    )
    assert "5 entries" in client.get(VERIFY).content.decode()


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_step_by_step_check_finds_what_was_tampered_with_wherever_it_is(
    client: Client, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(audit_check, "STEP", 2)
    record_five()
    with triggers_lifted():
        AuditEntry.objects.filter(sequence=at).update(actor="usr_2")
        AuditEntry.objects.filter(sequence=5).update(object_id="plk_6")
    client.force_login(make_user(Role.OWNER))

    page = client.post(VERIFY, {"start": "1"})
    while not page.context["check"].is_done:
        page = client.post(VERIFY)

    said = page.content.decode()
    assert "The audit log is not whole: 2 findings." in said
    assert f"entry {at}: edited" in said
    assert "entry 5: edited or inserted" in said
    assert AuditEntry.objects.get(action="audit.verified").details["findings"] == 2


def test_a_file_of_it_holds_what_the_list_shows_and_is_noted(
    client: Client, entry: AuditEntry
) -> None:
    finance = make_user(Role.FINANCE, name="=Fina")
    audit.record(finance.public_id, "refund.approved", "rfd_1")
    client.force_login(finance)

    answer = client.post(f"{LIST}download/?thing=refund")

    lines = b"".join(answer).decode().splitlines()
    assert len(lines) == 2
    assert ",'=Fina," in lines[1]
    assert AuditEntry.objects.filter(action="audit.downloaded").count() == 1


def test_an_auditor_takes_no_file_of_it(client: Client, entry: AuditEntry) -> None:
    client.force_login(make_user(Role.AUDITOR))

    assert client.post(f"{LIST}download/").status_code == 403
    assert "Download" not in client.get(LIST).content.decode()
