"""Refunds in the admin: who may ask, who may decide, and that nothing typed is lost."""

from typing import Any

import pytest
from django.test import Client

from links.models import Payment, ProviderAccount, Refund, RefundState
from links.providers.training import TrainingProvider
from links.services import accounts, payments, refunding
from links.services.errors import LinkConflict
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_seen, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner() -> User:
    return make_user(Role.OWNER)


@pytest.fixture
def payment(owner: User) -> Payment:
    booked = payments.record(make_seen(make_link(make_customer(), actor=owner.actor())))
    assert booked is not None
    return booked


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def asked(payment: Payment, user: User, amount_minor: int = 400) -> Refund:
    return refunding.propose(payment, amount_minor=amount_minor, actor=user.actor())


def _state(refund: Refund) -> str:
    refund.refresh_from_db()
    return refund.state


class TestAsking:
    def test_the_form_offers_what_is_left(self, payment: Payment, owner: User) -> None:
        page = signed_in(owner).get(f"/admin/links/payment/{payment.pk}/refund/")

        assert page.status_code == 200
        assert 'value="12.50"' in page.content.decode()

    def test_is_proposed_and_shown(self, payment: Payment, owner: User) -> None:
        client = signed_in(owner)
        given = {"amount": "4.00", "reason": "broken", "key": "rfd_" + "k" * 20}
        url = f"/admin/links/payment/{payment.pk}/refund/"

        first, again = client.post(url, given), client.post(url, given)

        refund = Refund.objects.get()
        shown = f"/admin/links/refund/{refund.pk}/change/"
        assert (first["Location"], again["Location"]) == (shown, shown)
        assert (refund.amount_minor, refund.reason) == (400, "broken")
        assert "Approve and give back" in client.get(shown).content.decode()
        of_payment = client.get(f"/admin/links/payment/{payment.pk}/change/")
        assert "broken" in of_payment.content.decode()

    @pytest.mark.parametrize(
        ("amount", "reason"),
        [
            ("", "why"),
            ("12.51", "why"),
            ("-1", "why"),
            ("1e3", "why"),
            ("4", "4111 1111 1111 1111"),
        ],
    )
    def test_refused_it_keeps_what_was_typed(
        self, amount: str, reason: str, payment: Payment, owner: User
    ) -> None:
        page = signed_in(owner).post(
            f"/admin/links/payment/{payment.pk}/refund/",
            {"amount": amount, "reason": reason, "key": "rfd_" + "k" * 20},
        )

        html = page.content.decode()
        assert page.status_code == 422
        assert f'value="{reason}"' in html
        assert not amount or f'value="{amount}"' in html
        assert not Refund.objects.exists()

    @pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
    def test_is_not_for_everybody(self, role: Role, payment: Payment) -> None:
        client = signed_in(make_user(role))

        url = f"/admin/links/payment/{payment.pk}/refund/"
        assert client.get(url).status_code == 403
        assert client.post(url, {"amount": "4"}).status_code == 403


class TestWhoDecides:
    @pytest.mark.parametrize(
        ("proposer", "approver", "may"),
        [
            (Role.OWNER, "same", True),
            (Role.FINANCE, "same", False),
            (Role.FINANCE, Role.FINANCE, True),
            (Role.FINANCE, Role.OWNER, True),
            (Role.MANAGER, Role.FINANCE, True),
            (Role.OWNER, Role.MANAGER, False),
            (Role.OWNER, Role.AGENT, False),
            (Role.OWNER, Role.AUDITOR, False),
        ],
    )
    def test_by_role_and_by_four_eyes(
        self, proposer: Role, approver: Role | str, may: bool, payment: Payment
    ) -> None:
        first = make_user(proposer)
        second = first if approver == "same" else make_user(Role(approver))
        refund = asked(payment, first)

        assert refunding.may_approve(refund, second) is may
        if may:
            refunding.approve(refund, user=second)
        else:
            with pytest.raises(LinkConflict):
                refunding.approve(refund, user=second)
        assert (_state(refund) == RefundState.APPROVED) is may

    def test_an_owner_above_the_limit_needs_another(
        self, payment: Payment, owner: User
    ) -> None:
        business = Business.objects.current()
        business.currency, business.own_refund_limit_minor = "EUR", 400
        business.save()

        assert refunding.may_approve(asked(payment, owner), owner)
        above = asked(payment, owner, 401)
        assert not refunding.may_approve(above, owner)
        assert refunding.may_approve(above, make_user(Role.OWNER))

    def test_what_was_decided_stays_so(self, payment: Payment, owner: User) -> None:
        refund = asked(payment, owner)
        refunding.decline(refund, user=owner)

        for act in (refunding.approve, refunding.decline):
            with pytest.raises(LinkConflict):
                act(refund, user=owner)


class TestDeciding:
    @pytest.mark.parametrize("act", ["approve", "decline", "give-up"])
    @pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.AUDITOR])
    def test_is_for_those_who_may(
        self, act: str, role: Role, payment: Payment, owner: User
    ) -> None:
        refund = asked(payment, owner)
        answer = signed_in(make_user(role)).post(
            f"/admin/links/refund/{refund.pk}/{act}/"
        )

        assert answer.status_code == 403
        refund.refresh_from_db()
        assert refund.state == RefundState.PROPOSED

    @pytest.mark.parametrize("act", ["approve", "decline", "give-up"])
    def test_looking_decides_nothing(
        self, act: str, payment: Payment, owner: User
    ) -> None:
        refund = asked(payment, owner)

        answer = signed_in(owner).get(f"/admin/links/refund/{refund.pk}/{act}/")

        assert answer.status_code == 405

    def test_approved(self, payment: Payment, owner: User) -> None:
        refund = asked(payment, owner)

        signed_in(owner).post(f"/admin/links/refund/{refund.pk}/approve/")

        refund.refresh_from_db()
        assert (refund.state, refund.decided_by) == (RefundState.APPROVED, owner)

    def test_finance_sees_that_another_has_to(self, payment: Payment) -> None:
        clerk = make_user(Role.FINANCE)
        refund = asked(payment, clerk)
        client = signed_in(clerk)

        page = client.get(f"/admin/links/refund/{refund.pk}/change/").content.decode()
        assert "somebody else has to approve it" in page
        assert "/approve/" not in page
        answer = client.post(f"/admin/links/refund/{refund.pk}/approve/", follow=True)
        assert "Somebody else has to approve" in answer.content.decode()

    def test_an_unknown_one_says_what_to_do(
        self, payment: Payment, owner: User
    ) -> None:
        refund = asked(payment, owner)
        Refund.objects.filter(pk=refund.pk).update(state=RefundState.UNKNOWN)
        client = signed_in(owner)

        page = client.get(f"/admin/links/refund/{refund.pk}/change/").content.decode()
        assert "never ask for it a second time" in page
        client.post(f"/admin/links/refund/{refund.pk}/give-up/")
        refund.refresh_from_db()
        assert refund.state == RefundState.FAILED


class TestLists:
    @pytest.mark.parametrize("role", list(Role))
    def test_agents_see_their_own(
        self, role: Role, payment: Payment, owner: User
    ) -> None:
        asked(payment, owner)
        page = signed_in(make_user(role)).get("/admin/links/refund/")

        assert page.status_code == 200
        assert ("€4.00" in page.content.decode()) is (role != Role.AGENT)

    def test_the_list_costs_the_same_at_one_and_at_thirty(
        self, payment: Payment, owner: User, django_assert_max_num_queries: Any
    ) -> None:
        client = signed_in(owner)
        for _time in range(30):
            Refund.objects.create(
                payment=payment,
                amount_minor=1,
                currency="EUR",
                proposed_at=clock.now(),
                proposed_by=owner,
            )

        with django_assert_max_num_queries(10):
            client.get("/admin/links/refund/")

    def test_the_front_page_tells_of_what_waits(
        self, payment: Payment, owner: User
    ) -> None:
        asked(payment, owner)

        page = signed_in(owner).get("/admin/").content.decode()

        assert "1 refund waits for a decision" in page


class TestAccount:
    def test_check_says_what_is_missing(
        self, owner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account = accounts.get("training")
        client = signed_in(owner)
        url = f"/admin/links/provideraccount/{account.pk}"

        fine = client.post(f"{url}/check/", follow=True).content.decode()
        monkeypatch.setattr(
            TrainingProvider, "check_account", lambda self: "No webhook is registered."
        )
        wrong = client.post(f"{url}/check/", follow=True).content.decode()

        assert "nothing is missing" in fine
        assert "No webhook is registered." in wrong
        assert client.get(f"{url}/check/").status_code == 405

    def test_an_account_without_keys_is_not_asked(self, owner: User) -> None:
        account = ProviderAccount.objects.create(slug="stripe", mode="live")

        page = signed_in(owner).post(
            f"/admin/links/provideraccount/{account.pk}/check/", follow=True
        )

        assert "are not set in this installation" in page.content.decode()

    @pytest.mark.parametrize("role", [Role.FINANCE, Role.AUDITOR, Role.AGENT])
    def test_only_owners_check(self, role: Role) -> None:
        account = accounts.get("training")

        answer = signed_in(make_user(role)).post(
            f"/admin/links/provideraccount/{account.pk}/check/"
        )

        assert answer.status_code == 403
