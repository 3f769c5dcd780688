import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry

from ..roles import Role
from .factories import make_user

pytestmark = pytest.mark.django_db
LIST = reverse("admin:audit_auditentry_changelist")


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

    # session, person, business, accounts, entries; and the business once a second
    with django_assert_num_queries(6):
        client.get(LIST)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT])
def test_others_do_not_see_it(client: Client, entry: AuditEntry, role: Role) -> None:
    client.force_login(make_user(role))

    assert client.get(LIST).status_code == 403
