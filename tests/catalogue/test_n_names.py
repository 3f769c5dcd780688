"""N1-N10: names and other words that people see."""

import json

import pytest
from django.test import Client

from customers.models import ContactPoint, Customer
from links.models import LineItem, PaymentLink
from merchant_portal.business.models import Business
from notifications.services import delivery

from .doors import Doors, nothing_stored, path_of, too_wide

pytestmark = pytest.mark.django_db
RLO, PDF, ZWSP, ZWJ, LRI, PDI = (
    "\u202e",
    "\u202c",
    "\u200b",
    "\u200d",
    "\u2066",
    "\u2069",
)
FAMILY = f"\U0001f468{ZWJ}\U0001f469{ZWJ}\U0001f467"
CLEANED = {
    # as typed, as kept
    "N1-right-to-left-override": (f"Ana {RLO}tnatsissA{PDF}", "Ana tnatsissA"),
    "N2-zero-width-space": (f"An{ZWSP}a", "Ana"),
    "N2-byte-order-mark": ("\ufeffAna", "Ana"),
    "N2-soft-hyphen": ("An\u00ada", "Ana"),
    "N2-blank-of-hangul": ("Ana\u3164", "Ana"),
    "N3-isolates": (f"{LRI}Ana{PDI}", "Ana"),
    "N3-arabic-stays": ("\u0645\u062d\u0645\u062f \u0627\u0644\u0639\u0644\u064a",) * 2,
    "N3-hebrew-stays": ("\u05d3\u05d5\u05d3",) * 2,
    "N3-persian-joiner-stays": ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",)
    * 2,
    "N4-family": (FAMILY, FAMILY),
    "N4-200-families": (FAMILY * 150, FAMILY * 150),
    "N5-accents-are-composed": ("Rene\u0301e", "Ren\u00e9e"),
    "N5-few-marks-on-a-letter": ("Z\u0300\u0301\u0302",) * 2,
    "N6-200-letters": ("x" * 200,) * 2,
    "N9-apostrophe": ("O'Brien",) * 2,
    "N9-null": ("Null",) * 2,
    "N9-accent": ("Ren\u00e9e",) * 2,
    "N9-vietnamese": ("Nguy\u1ec5n",) * 2,
    "N9-one-letter": ("X",) * 2,
    "N9-one-word": ("Madonna",) * 2,
    "N9-hyphen-and-dot": ("Dr. Ana-Mar\u00eda d\u2019Arc",) * 2,
    "N10-cyrillic-word": ("\u0410\u043d\u043d\u0430",) * 2,
    "N10-look-alike": ("P\u0430ypal",) * 2,
}
REFUSED = {
    "N5-zalgo": "Z" + "\u0300" * 2000,
    "N6-201-letters": "x" * 201,
    "N6-10000-letters": "x" * 10_000,
    "N7-nul": "Ana\x00",
    "N8-first-half-of-a-pair": "Ana\ud800",
    "N8-second-half-of-a-pair": "\udc00Ana",
    "N1-nothing-but-controls": RLO + ZWSP + LRI,
}


@pytest.mark.parametrize(("typed", "kept"), CLEANED.values(), ids=CLEANED)
def test_api_takes(doors: Doors, typed: str, kept: str) -> None:
    by_name = doors.ask_customer(name=typed)
    by_line = doors.ask_link({"description": typed})

    assert by_name.json()["name"] == kept
    assert by_line.json()["lines"][0]["description"] == kept
    link = PaymentLink.objects.get()
    assert kept.replace("'", "&#x27;") in Client().get(path_of(link)).content.decode()


@pytest.mark.parametrize(("typed", "kept"), CLEANED.values(), ids=CLEANED)
def test_forms_take(doors: Doors, typed: str, kept: str) -> None:
    assert doors.fill_customer(name=typed).status_code == 302
    assert doors.fill_link(line_description=typed).status_code == 302

    assert Customer.objects.get().name == kept
    assert LineItem.objects.get().description == kept


@pytest.mark.parametrize("typed", REFUSED.values(), ids=REFUSED)
def test_api_refuses(doors: Doors, typed: str) -> None:
    # as \u escapes: half a pair has no bytes of its own
    for path, body in (
        ("customers", {"name": typed}),
        ("links", {"currency": "EUR", "lines": [{"description": typed, "unit_amount_minor": 5}]}),
    ):  # fmt: skip
        answer = doors.api.post(path, json.dumps(body).encode(), once="k1")
        assert answer.status_code in (400, 413, 422), path
    assert nothing_stored()


@pytest.mark.parametrize(
    "typed",
    # a form is posted in UTF-8: half a pair arrives as what Python makes of its bytes
    [text for row, text in REFUSED.items() if not row.startswith("N8")],
    ids=[row for row in REFUSED if not row.startswith("N8")],
)
def test_forms_refuse(doors: Doors, typed: str) -> None:
    assert doors.fill_customer(name=typed).status_code == 200
    assert doors.fill_link(line_description=typed).status_code == 200
    assert nothing_stored()


@pytest.mark.parametrize("raw", [b"Ana%ED%A0%80", b"Ana%FF", b"Ana%C0%80"])
def test_bytes_that_are_no_text_are_no_500(doors: Doors, raw: bytes) -> None:
    """N8: half a pair, half a character, a NUL of two bytes, as a browser cannot send."""
    answer = doors.browser.post(
        "/admin/customers/customer/add/",
        b"email=ana%40example.com&name=" + raw,
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code in (200, 302, 400)
    for customer in Customer.objects.all():
        assert customer.name.strip("\ufffd") == "Ana"


def test_names_are_isolated_where_directions_may_mix(doors: Doors) -> None:
    """N3: <bdi> keeps a foreign name from turning the words around it."""
    arabic = "\u0645\u062d\u0645\u062f"
    doors.ask_link({"description": arabic})
    link = PaymentLink.objects.get()

    assert f"<bdi>{arabic}</bdi>" in Client().get(path_of(link)).content.decode()


def test_staff_are_warned_of_mixed_scripts(doors: Doors) -> None:
    """N10: accepted, and said."""
    honest = doors.browser.post(
        "/admin/customers/customer/add/",
        {"name": "\u0410\u043d\u043d\u0430 Smith", "email": "a@example.com"},
        follow=True,
    )
    forged = doors.browser.post(
        "/admin/customers/customer/add/",
        {"name": "P\u0430ypal", "email": "b@example.com"},
        follow=True,
    )

    assert "alphabets" in forged.content.decode()
    assert "alphabets" not in honest.content.decode()
    assert Customer.objects.count() == 2


def test_staff_are_warned_of_it_in_a_links_new_customer(doors: Doors) -> None:
    """N10"""
    doors.fill_link(who="new", new_name="P\u0430ypal", new_email="a@example.com")
    warned = doors.browser.get("/admin/").content.decode()
    doors.fill_link(who="new", new_name="Ana", new_email="b@example.com", creation_key="frm_0123456789abcdefghik")  # fmt: skip
    honest = doors.browser.get("/admin/").content.decode()

    assert "alphabets" in warned
    assert "alphabets" not in honest
    assert PaymentLink.objects.count() == 2


def test_staff_are_warned_of_it_in_the_business_name(doors: Doors) -> None:
    """N10"""
    form = {
        "name": "B\u0430nk",
        "country": "DE",
        "currency": "EUR",
        "language": "en",
        "time_zone": "UTC",
        "brand_color": "#223344",
        "undo_seconds": "10",
        "untaxed_category": "Z",
    }
    Business.objects.current()

    answer = doors.browser.post("/admin/business/business/1/change/", form, follow=True)

    assert Business.objects.get().name == "B\u0430nk"
    assert "alphabets" in answer.content.decode()


@pytest.mark.parametrize(
    "character", ["x", "\U0001f600", "\u0418", FAMILY, "Z\u0300"], ids=ascii
)
@pytest.mark.parametrize("count", [150, 200])
def test_the_longest_words_fit_every_column(
    doors: Doors, character: str, count: int
) -> None:
    """N4, N6: what one database takes, the other takes."""
    words = character * count
    Business.objects.current()
    Business.objects.update(name=words[:200])
    doors.fill_customer(name=words, tags=words, note=words)
    doors.fill_link(line_description=words, note=words * 5, action="link")
    link = PaymentLink.objects.first()
    if link is None:  # refused, as 200 families of five code points are
        assert len(words) > 800
        return
    page = f"/admin/links/paymentlink/{link.pk}"
    money = {"amount": "1.00", "method": "cash", "key": "k" * 20, "note": words}
    doors.browser.post(f"{page}/record/", money)
    link.customer = Customer.objects.create(
        name=words, created_at=link.created_at, updated_at=link.created_at
    )
    link.save()
    ContactPoint.objects.create(
        customer=link.customer,
        kind="email",
        value="ana@example.com",
        created_at=link.created_at,
    )
    doors.api.post(f"links/{link.public_id}/send", {"channels": ["email"]})
    doors.api.post(f"links/{link.public_id}/cancel", {"reason": words})
    Client().post(f"{path_of(link)}pay/training/")
    delivery.deliver(delivery.claim(10))

    assert too_wide() == []
