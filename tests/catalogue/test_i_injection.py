"""I1-I11: words that are code elsewhere, names that nobody offered."""

from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from customers.models import Customer
from links.models import LinkStatus, PaymentLink
from links.services import pages
from links.tests.factories import make_customer, make_link
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys
from merchant_portal.staff.tests.factories import make_user
from notifications.models import MessageContent
from notifications.services import delivery
from tests.api.client import Caller

from .doors import CUSTOMER_FORM, LINE, LINK_FORM, Doors, path_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db
SQL = {
    "I1-drop": "'; DROP TABLE customers_customer; --",
    "I2-quote": "%27 OR 1=1",
    "I2-percent": "%",
    "I2-underscore": "___",
    "I2-backslash": "\\",
    "I2-nul": "qq\x00zz",
}
LISTS = [
    "/admin/customers/customer/",
    "/admin/links/paymentlink/",
    "/admin/notifications/message/",
    "/admin/links/payment/",
    "/admin/links/webhookevent/",
    "/admin/staff/user/",
]


@pytest.mark.parametrize("term", SQL.values(), ids=SQL)
def test_search_takes_words_as_words(doors: Doors, term: str) -> None:
    make_link(make_customer("Ada Lovelace"))

    for address in LISTS:
        answer = doors.browser.get(address, {"q": term})
        assert answer.status_code in (200, 302, 400), address
        # the admin takes a search that cannot be stored for none
        is_list = "\x00" in term or "Ada Lovelace" not in answer.content.decode()
        assert is_list, address
    options = doors.browser.get("/admin/links/paymentlink/add/customers/", {"q": term})
    assert options.status_code in (200, 400)
    assert Customer.objects.count() == 1


QUERIES = {
    "I3-connector": {"_connector": "OR"},
    "I3-negated": {"_negated": "1"},
    "I3-other-table": {"created_by__password__startswith": "a"},
    "I3-customer-of-a-link": {"customer__contact_points__value__contains": "a"},
    "I3-token": {"token_sha256__startswith": "0"},
    "I3-regex": {"name__regex": "(a+)+$"},
    "I4-order-by": {"order_by": "created_by__password", "o": "9999"},
    "I4-order": {"o": "-1.x.password"},
    "I4-page": {"p": "-1"},
    "I4-page-of-words": {"p": "x' OR 1=1"},
    "I4-filter": {"status__exact": "' OR 1=1", "state__exact": "\x00", "status": "\x00"},
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_lists_of_the_admin_know_their_own_names_only(
    doors: Doors, query: dict[str, str]
) -> None:
    make_link(make_customer("Ada Lovelace"))

    for address in LISTS:
        answer: Response = doors.browser.get(address, query)
        assert answer.status_code in (200, 302, 400, 404), (address, query)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("where", ["customers", "links", "payments", "messages"])
def test_lists_of_the_api_know_their_own_names_only(
    doors: Doors, where: str, query: dict[str, str]
) -> None:
    known = {"status", "state"} & set(query) & {"customers": set(), "links": {"status"}, "payments": {"state"}, "messages": {"state"}}[where]  # fmt: skip

    answer = doors.api.get(where, **query)

    assert answer.status_code == 422 or (known and answer.status_code == 200)


HTML = {
    "I5-script": "<script>alert(1)</script>",
    "I5-image": '"><img src=x onerror=alert(1)>',
    "I5-svg": "<svg/onload=alert(1)>",
    "I6-script-address": "javascript:alert(1)",
    "I6-handler": "' onfocus='alert(1)' autofocus='",
    "I7-end-of-title": "</title><script>x()</script>",
    "I7-end-of-textarea": "</textarea><script>x()</script>",
    "I7-comment": "--><script>x()</script>",
    "I7-entity": "&lt;script&gt;x()&lt;/script&gt;",
}
RAW = ("<script>alert", "<script>x()", "<img src=x", "<svg/onload", "onfocus='alert")


def assert_escaped(answer: "Response") -> None:
    text = answer.content.decode()
    assert answer.status_code in (200, 410)
    for found in RAW:
        assert found not in text, text[max(0, text.find(found) - 200) :][:400]


@pytest.mark.parametrize("typed", HTML.values(), ids=HTML)
def test_words_are_escaped_wherever_they_are_shown(doors: Doors, typed: str) -> None:
    customer = make_customer(typed)
    made = doors.ask_link(
        {"description": f"x {typed}"}, note=f"x {typed}", customer=customer.public_id
    ).json()
    doors.api.post(f"links/{made['id']}/send", {"channels": ["email", "sms"]})
    delivery.deliver(delivery.claim(10))
    link = PaymentLink.objects.get()
    page = f"/admin/links/paymentlink/{link.pk}"

    assert_escaped(Client().get(path_of(link)))
    for address in (
        *LISTS,
        f"{page}/change/",
        f"{page}/correct/",
        f"/admin/customers/customer/{customer.pk}/change/",
        "/admin/",
    ):
        assert_escaped(doors.browser.get(address))
    assert_escaped(doors.browser.get("/admin/customers/customer/", {"q": typed}))
    for content in MessageContent.objects.select_related("message"):
        assert_escaped(
            doors.browser.get(f"/admin/notifications/message/{content.pk}/change/")
        )
        for found in RAW:
            assert found not in content.html
    doors.api.post(f"links/{made['id']}/cancel", {"reason": f"x {typed}"})
    assert_escaped(Client().get(path_of(link)))
    assert_escaped(doors.browser.get(f"{page}/change/"))


@pytest.mark.parametrize("typed", HTML.values(), ids=HTML)
def test_words_of_a_refused_form_are_escaped(doors: Doors, typed: str) -> None:
    fields = {name: typed for name in LINK_FORM if name != "action"}

    assert_escaped(doors.fill_link(**fields))
    assert_escaped(doors.fill_customer(**dict.fromkeys(CUSTOMER_FORM, typed)))


def test_a_script_could_not_run_if_it_were_there(doors: Doors) -> None:
    """I7: the policy is the second wall."""
    link = make_link()

    for answer in (Client().get(path_of(link)), doors.browser.get(LISTS[0])):
        policy = answer["Content-Security-Policy"]
        assert "unsafe-inline" not in policy
        assert "unsafe-eval" not in policy
        assert "default-src 'none'" in policy


EXTRA: dict[str, dict[str, Any]] = {
    "I8-status": {"status": "paid"},
    "I8-paid": {"amount_paid_minor": 1250, "paid_at": "2026-01-01T00:00:00Z"},
    "I8-merchant": {"merchant": "other", "created_by": 1},
    "I8-superuser": {"is_superuser": True, "is_staff": True, "role": "owner"},
    "I8-id": {"id": "plk_00000000000000000000", "public_id": "x"},
    "I8-url": {"url": "https://evil.example/", "token": "x"},
}


@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
def test_api_refuses_names_it_does_not_know(
    doors: Doors, extra: dict[str, Any]
) -> None:
    assert doors.ask_link(**extra).status_code == 422
    assert doors.ask_link(dict(extra)).status_code == 422
    assert doors.ask_customer(**extra).status_code == 422
    assert not PaymentLink.objects.exists()
    assert not Customer.objects.exists()


@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
def test_forms_ignore_names_they_did_not_offer(
    doors: Doors, extra: dict[str, Any]
) -> None:
    doors.fill_link(**{name: str(value) for name, value in extra.items()})
    doors.fill_customer(**{name: str(value) for name, value in extra.items()})

    link = PaymentLink.objects.get()
    assert (link.status, link.amount_paid_minor) == (LinkStatus.ACTIVE, 0)
    assert link.public_id != "plk_00000000000000000000"
    assert User.objects.filter(role=Role.OWNER).count() == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "Ana", "name": "Eve"}',
        b'{"name": "Ana", "tags": [], "tags": ["x"]}',
        b'{"name": "Ana", "n\\u0061me": "Eve"}',
    ],
)
def test_duplicate_key_is_refused(doors: Doors, body: bytes) -> None:
    """I9"""
    assert doors.api.post("customers", body).status_code == 400
    assert not Customer.objects.exists()


def own_key(role: Role) -> tuple[User, Caller]:
    user = make_user(role)
    scopes = ["links:read", "links:write", "messages:read", "payments:read"]
    _key, secret = keys.create("own", scopes, created_by=user)
    return user, Caller(secret)


def test_ids_of_others_are_as_unknown_as_any(doors: Doors) -> None:
    """I9: a key for own links, another one's link."""
    _agent, caller = own_key(Role.AGENT)
    foreign = make_link(make_customer(), actor=make_user(Role.AGENT).actor())
    nobody = "plk_00000000000000000000"

    def answers(link: str) -> list[tuple[int, bytes]]:
        asked = [
            caller.get(f"links/{link}"),
            caller.get(f"links/{link}/timeline"),
            caller.post(f"links/{link}/send", {"channels": ["email"]}),
            caller.post(f"links/{link}/cancel", {}),
            caller.get("messages", link=link),
            caller.get("payments", link=link),
        ]
        return [(answer.status_code, answer.content) for answer in asked]

    assert answers(foreign.public_id) == answers(nobody)
    assert [code for code, _body in answers(nobody)][:4] == [404] * 4
    assert caller.get("links").json()["items"] == []
    foreign.refresh_from_db()
    assert foreign.status == LinkStatus.ACTIVE


def test_colleagues_links_are_not_there_for_an_agent() -> None:
    """I9 in the admin."""
    foreign = make_link(make_customer(), actor=make_user(Role.AGENT).actor())
    client = Client()
    client.force_login(make_user(Role.AGENT))
    page = f"/admin/links/paymentlink/{foreign.pk}"

    assert client.get(f"{page}/change/").status_code == 404
    for act in ("send", "edit", "cancel", "record", "correct"):
        assert client.post(f"{page}/{act}/", LINK_FORM).status_code in (403, 404)
    assert client.get("/admin/links/paymentlink/999999/change/").status_code == 404
    foreign.refresh_from_db()
    assert foreign.status == LinkStatus.ACTIVE
    assert foreign.last_sent_at is None


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])  # fmt: skip
def test_method_cannot_be_overridden(doors: Doors, name: str) -> None:
    """I10: the API says so, the pages do not listen."""
    link = make_link()
    headers = {**doors.api.headers(), name: "POST"}

    get = Client().get("/api/v1/links", headers=headers)
    page = Client().get(f"{path_of(link)}pay/training/", headers={name: "POST"})
    form = Client().post(
        "/api/v1/links?_method=DELETE", LINE, headers=doors.api.headers()
    )

    assert get.status_code == 400
    assert page.status_code == 303
    assert form.status_code in (415, 422)
    assert not link.checkouts.exists()
    assert PaymentLink.objects.count() == 1


CONTROLS = {
    "I11-crlf": "\r\nFORGED: all is well",
    "I11-ansi": "\x1b[2J\x1b[31mred",
    "I11-bell": "\x07\x08",
    "I11-c1": "\x9b31m",
    "I11-line-separator": "\u2028FORGED",
    "I11-right-to-left": "\u202edegroF",
}


@pytest.mark.parametrize("typed", CONTROLS.values(), ids=CONTROLS)
def test_no_log_line_holds_a_control(
    doors: Doors, lines: list[str], typed: str
) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in typed.encode())
    for address in (f"/nowhere/{quoted}", f"/api/v1/{quoted}", f"/p/{quoted}/", f"/webhooks/{quoted}/", f"/admin/{quoted}/"):  # fmt: skip
        Client().get(address, headers={"User-Agent": f"x{typed!r}"})
        doors.browser.post(address)
    Client().get("/nowhere", HTTP_USER_AGENT=f"Mozilla {typed}", HTTP_X_REQUEST_ID=typed)  # fmt: skip
    Client().post("/webhooks/twilio/inbound/", {"Body": typed, "From": typed})
    doors.ask_customer(name=typed)

    assert len(lines) > 20
    controls = [line for line in lines if not line.isprintable()]
    assert controls == []


def test_token_in_a_broken_address_is_not_logged(
    doors: Doors, lines: list[str]
) -> None:
    """I11: nor by way of a query, a referrer or another page."""
    link = make_link()
    token = pages.token_of(link)

    Client().get(f"/p/{token}/nowhere/")
    Client().get(f"//p/{token}/")
    Client().get(f"/P/{token}/")
    Client().get("/admin/", {"next": f"/p/{token}/"}, headers={"Referer": f"http://testserver/p/{token}/"})  # fmt: skip
    Client().post(f"/p/{token}/")

    assert [line for line in lines if token in line] == []
