"""Before something grave one proves anew who one is, and loses nothing by it."""

import time
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from links.models import ProviderAccount, Refund, RefundState
from links.services import keyring, payments, refunding
from links.tests.factories import make_link, make_seen
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import PASSWORD, make_user
from merchant_portal.staff.tests.test_business_admin import CHANGE as BUSINESS
from merchant_portal.staff.tests.test_business_admin import FORM
from notifications.models import Message

from .test_sign_in import SECRET, code_now

pytestmark = pytest.mark.django_db
BY_PASSWORD, BY_CODE = "/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/"
KEYS = "/admin/links/provideraccount/keys/stripe/"
TYPED = {"secret_key": "sk_test_first", "webhook_secret": "whsec_first"}


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> Iterator[None]:
    settings.STAFF_MFA_REQUIRED = False
    keyring.forget()
    yield
    keyring.forget()


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER, email="olga@shop.example", password=PASSWORD)


@pytest.fixture
def late(client: Client, owner: User) -> Client:
    """Signed in a little more than five minutes ago."""
    client.force_login(owner)
    age(client, 301)
    return client


@pytest.fixture
def refund(owner: User) -> Refund:
    """Proposed by somebody else."""
    payment = payments.record(make_seen(make_link()))
    assert payment is not None
    finance = make_user(Role.FINANCE)
    return refunding.propose(payment, amount_minor=100, actor=finance.actor())


def age(client: Client, seconds: float, *, method: str = "") -> None:
    """Move the proofs of who this is into the past; `method`: keep only these."""
    session = client.session
    name = "account_authentication_methods"
    session[name] = [
        {**proof, "at": time.time() - seconds}
        for proof in session[name]
        if method in ("", proof["method"])
    ]
    session.save()


def approve(client: Client, refund: Refund) -> str:
    """Where the click on "approve" leads."""
    answer = client.post(f"/admin/links/refund/{refund.pk}/approve/")
    return str(answer.headers["Location"])


def state_of(refund: Refund) -> str:
    refund.refresh_from_db()
    return refund.state


def test_a_refund_leaves_at_once_for_who_has_just_signed_in(
    client: Client, owner: User, refund: Refund
) -> None:
    client.force_login(owner)
    age(client, 299)

    assert approve(client, refund) == f"/admin/links/refund/{refund.pk}/change/"
    assert state_of(refund) == RefundState.APPROVED


def test_later_it_waits_for_the_password_and_is_done_with_it(
    late: Client, owner: User, refund: Refund
) -> None:
    where = approve(late, refund)
    assert where.startswith(f"{BY_PASSWORD}?next=")
    assert state_of(refund) == RefundState.PROPOSED

    then = f"/admin/links/refund/{refund.pk}/approve/"
    wrong = late.post(where, {"password": "wrong " + PASSWORD, "next": then})
    assert wrong.status_code == 200
    assert state_of(refund) == RefundState.PROPOSED
    done = late.post(where, {"password": PASSWORD, "next": then})

    assert done.headers["Location"] == f"/admin/links/refund/{refund.pk}/change/"
    assert state_of(refund) == RefundState.APPROVED
    proofs = AuditEntry.objects.filter(action="user.proved")
    assert [(one.actor, one.details) for one in proofs] == [
        (owner.public_id, {"by": "password"})
    ]


def test_what_was_given_up_is_not_done_by_a_later_proof(
    late: Client, refund: Refund
) -> None:
    approve(late, refund)
    late.get(KEYS)  # changed their mind: another page that asks

    then = f"/admin/links/refund/{refund.pk}/approve/"
    late.post(f"{BY_PASSWORD}?next={then}", {"password": PASSWORD, "next": then})

    assert state_of(refund) == RefundState.PROPOSED


def test_keys_that_were_typed_wait_sealed_and_are_kept_after_the_proof(
    late: Client, owner: User
) -> None:
    assert late.get(KEYS).headers["Location"].startswith(BY_PASSWORD)
    late.post(KEYS, TYPED)

    waiting = Session.objects.get(pk=late.session.session_key).get_decoded()
    assert "sk_test_first" not in str(waiting)
    assert not ProviderAccount.objects.exclude(sealed_keys="").exists()
    late.post(f"{BY_PASSWORD}?next={KEYS}", {"password": PASSWORD, "next": KEYS})

    assert ProviderAccount.objects.exclude(sealed_keys="").get().slug == "stripe"
    assert "waits_for_proof" not in late.session
    assert "account_reauthentication_state" not in late.session


def test_who_has_a_second_factor_proves_it_by_that_alone(
    client: Client, owner: User, refund: Refund
) -> None:
    TOTP.activate(owner, SECRET)
    client.force_login(owner)
    age(client, 0, method="password")

    where = approve(client, refund)
    then = f"/admin/links/refund/{refund.pk}/approve/"
    by_password = client.post(
        f"{BY_PASSWORD}?next={then}", {"password": PASSWORD, "next": then}
    )

    assert where.startswith(f"{BY_CODE}?next=")
    assert by_password.headers["Location"].startswith(BY_CODE)
    assert state_of(refund) == RefundState.PROPOSED
    client.post(where, {"code": code_now(), "next": then})
    assert state_of(refund) == RefundState.APPROVED
    assert AuditEntry.objects.get(action="user.proved").details == {"by": "mfa"}


def test_a_file_is_asked_for_once_more_from_its_page(late: Client) -> None:
    page = "/admin/links/dailytotal/payments/?first=2026-03-01&last=2026-03-02&by=day"
    file = page.replace("payments/", "payments/csv/")
    where = late.get(file).headers["Location"]
    assert where.startswith(BY_PASSWORD)

    proof = late.get(where)
    assert "ask for the file once more" in proof.content.decode()
    back = late.post(where, {"password": PASSWORD, "next": page})

    assert back.headers["Location"] == page
    assert late.get(file).headers["Content-Type"].startswith("text/csv")
    assert AuditEntry.objects.filter(action="report.downloaded").count() == 1


def test_a_dialog_leads_to_the_proof_and_back_to_its_page(
    late: Client, owner: User
) -> None:
    person = make_user(Role.AGENT, password=PASSWORD)
    page = f"/admin/staff/user/{person.pk}/change/"

    answer = late.post(
        f"/admin/staff/user/{person.pk}/forget_phone/",
        {"_form_submitted": "True"},
        headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"},
    )

    assert answer.headers["HX-Redirect"].startswith(f"{BY_PASSWORD}?next=%2Fadmin")
    assert page.replace("/", "%2F") in answer.headers["HX-Redirect"]


def test_a_new_role_waits_for_the_proof_with_all_that_was_chosen(
    late: Client, owner: User
) -> None:
    person = make_user(Role.AGENT, password=PASSWORD)
    page = f"/admin/staff/user/{person.pk}/change/"
    chosen = {"name": "Ann", "role": Role.FINANCE, "is_active": "on"}

    late.post(page, chosen)
    late.post(f"{BY_PASSWORD}?next={page}", {"password": PASSWORD, "next": page})

    person.refresh_from_db()
    assert (person.name, person.role) == ("Ann", Role.FINANCE)


def test_where_transfers_go_is_changed_by_who_proves_who_they_are(
    client: Client, owner: User
) -> None:
    """What else was typed is kept with it, and every owner hears of the account."""
    Business.objects.current()
    client.force_login(owner)
    age(client, 301)
    assert client.post(BUSINESS, {**FORM, "name": "Other"}).headers["Location"] != ""
    assert Business.objects.current().name == "Other"
    form = {**FORM, "iban": "DE89370400440532013000"}

    where = client.post(BUSINESS, form).headers["Location"]

    assert where.startswith("/accounts/reauthenticate/")
    assert Business.objects.current().iban == ""
    assert not Message.objects.exists()
    age(client, 0)
    client.post(BUSINESS, form)
    assert Business.objects.current().iban == "DE89370400440532013000"
    assert Message.objects.get().kind == "notice"
