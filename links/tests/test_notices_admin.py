"""The page on which each person says what they are told."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from links.models import How, News, StaffNoticeChoice, Whose
from links.services import notice_choices, notice_rules
from merchant_portal.audit.models import AuditEntry
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_user

pytestmark = pytest.mark.django_db
PAGE = "/admin/links/staffnoticechoice/"


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("role", list(Role))
def test_shows_what_each_role_usually_gets(role: Role) -> None:
    answer = signed_in(make_user(role)).get(PAGE)

    assert answer.status_code == 200
    shown = {row["news"]: (row["how"], row["whose"]) for row in answer.context["rows"]}
    for news, (how, whose) in notice_rules.USUAL[role].items():
        assert shown[news][0] == how
        if role != Role.AGENT:
            assert shown[news][1] == whose
    assert (b'name="whose_paid"' in answer.content) == (role != Role.AGENT)


def test_keeps_what_was_chosen_and_only_that() -> None:
    owner, colleague = make_user(Role.OWNER), make_user(Role.OWNER)
    client = signed_in(owner)

    answer = client.post(
        PAGE, {"how_paid": "at_once", "whose_paid": "own", "hour": "17"}
    )

    assert answer.status_code == 302
    owner.refresh_from_db()
    assert owner.digest_hour == 17
    [row] = StaffNoticeChoice.objects.all()
    assert (row.person_id, row.news, row.how, row.whose) == (
        owner.pk,
        "paid",
        "at_once",
        "own",
    )
    assert notice_choices.chosen(colleague) == dict(notice_rules.USUAL[Role.OWNER])
    entry = AuditEntry.objects.order_by("pk").last()
    assert entry is not None
    assert entry.action == "notices.chosen"


def test_back_to_what_the_role_gets() -> None:
    owner = make_user(Role.OWNER)
    client = signed_in(owner)
    client.post(PAGE, {"how_paid": "off", "hour": "6"})

    client.post(PAGE, {"usual": "1", "how_paid": "at_once"})

    owner.refresh_from_db()
    assert owner.digest_hour == notice_choices.USUAL_HOUR
    assert not StaffNoticeChoice.objects.exists()


def test_an_agent_never_hears_of_all_links() -> None:
    agent = make_user(Role.AGENT)
    signed_in(agent).post(PAGE, {"how_paid": "at_once", "whose_paid": "all"})

    assert notice_choices.chosen(agent)[News.PAID] == (How.AT_ONCE, Whose.OWN)
    assert StaffNoticeChoice.objects.get().whose == Whose.OWN


@pytest.mark.parametrize(
    "typed",
    [{"how_paid": "loudly"}, {"whose_paid": "theirs"}, {"hour": "4"}, {"hour": "x"}],
)
def test_nonsense_changes_nothing(typed: dict[str, str]) -> None:
    owner = make_user(Role.OWNER)
    answer = signed_in(owner).post(PAGE, {"how_failed": "at_once", **typed})

    assert answer.status_code == 400
    assert "Nothing was changed" in answer.content.decode()
    assert not StaffNoticeChoice.objects.exists()


def test_looking_changes_nothing_and_costs_the_same(
    django_assert_max_num_queries: Any,
) -> None:
    client = signed_in(make_user(Role.OWNER))
    client.get(PAGE)

    with django_assert_max_num_queries(14):
        client.get(f"{PAGE}?how_paid=off")

    assert not StaffNoticeChoice.objects.exists()


def test_owners_read_it_on_the_page_of_a_colleague() -> None:
    owner, agent = make_user(Role.OWNER), make_user(Role.AGENT)
    notice_choices.save(
        agent, {**notice_choices.chosen(agent), News.PAID: (How.AT_ONCE, Whose.OWN)}, 9
    )

    page = signed_in(owner).get(reverse("admin:staff_user_change", args=[agent.pk]))

    words = page.content.decode()
    assert "What they are told" in words
    assert "The digest comes at 9:00" in words
    assert 'name="how_paid"' not in words


def test_the_menu_leads_to_it() -> None:
    page = signed_in(make_user(Role.AGENT)).get("/admin/")

    assert f'href="{PAGE}"' in page.content.decode()


def test_no_other_page_of_it_exists() -> None:
    owner = make_user(Role.OWNER)
    notice_choices.save(
        owner, {**notice_choices.chosen(owner), News.PAID: (How.OFF, Whose.ALL)}, 8
    )
    row = StaffNoticeChoice.objects.get()

    answer = signed_in(owner).get(f"{PAGE}{row.pk}/change/")

    assert answer.status_code == 404
