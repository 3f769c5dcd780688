import re

import pytest
from django.conf import settings

from merchant_portal.business.models import Business
from merchant_portal.lib.colors import ink_on
from notifications import checks
from notifications.models import Category
from notifications.services import (
    layouts,
    mail_compiler,
    outbox,
    placeholders,
    rendering,
)
from notifications.services.placeholders import PlaceholderError

from .factories import LINK_URL, VALUES, Shop

COMMON = {
    "business_name": "Blue Door",
    "business_address": "12 Market Street",
    "business_contact": "hello@example.com",
    "business_legal": "Handelsregister HRB 1234",
    "brand_color": "#1f4fd8",
    "brand_ink": "#ffffff",
    "logo_url": "",
}
LINK_KINDS = [
    "invitation",
    "reminder",
    "receipt",
    "correction",
    "refund",
    "cancellation",
    "answer",
]
LANGUAGES = layouts.languages()
# Written in letters that an SMS packs seven bits each; the others take two bytes.
# Without the accents that would cost more, as people there write SMS.
FOLDED = ["es", "pl", "pt", "tr"]
CHEAP = ["en", "da", "de", "es", "fr", "it", "nl", "pl", "pt", "sv", "tr"]
COSTLY = sorted(set(LANGUAGES) - set(CHEAP))
URLS = {"link_url": LINK_URL, "unsubscribe_url": "https://pay.example.com/u/"}


@pytest.mark.parametrize(
    "source", mail_compiler.sources(), ids=lambda p: f"{p.parent.name}/{p.stem}"
)
def test_committed_html_is_what_the_mjml_compiles_to(source) -> None:  # type: ignore[no-untyped-def]
    committed = source.with_suffix(".html").read_text(encoding="utf-8")

    assert committed == mail_compiler.compiled(source)
    in_mjml = set(re.findall(r"\{[a-z_]+\}", source.read_text(encoding="utf-8")))
    assert in_mjml <= set(re.findall(r"\{[a-z_]+\}", committed))


@pytest.mark.parametrize("language", CHEAP)
@pytest.mark.parametrize("kind", LINK_KINDS)
def test_sms_of_a_usual_link_takes_two_cheap_parts(kind: str, language: str) -> None:
    hello = {"greeting": rendering.greeting("Ada", language)}
    text = rendering.render(kind, "sms", language, {**VALUES, **COMMON, **hello}).text

    filled = placeholders.fill_late(text, URLS)
    count = rendering.sms_parts(filled)
    assert (count.encoding, count.culprit) == ("GSM-7", "")
    assert count.parts <= 2


@pytest.mark.parametrize("language", COSTLY)
@pytest.mark.parametrize("kind", LINK_KINDS)
def test_sms_of_a_usual_link_takes_three_costly_parts(kind: str, language: str) -> None:
    hello = {"greeting": rendering.greeting("Ada Lovelace", language)}
    text = rendering.render(kind, "sms", language, {**VALUES, **COMMON, **hello}).text

    count = rendering.sms_parts(placeholders.fill_late(text, URLS))
    assert (count.encoding, count.parts <= 3) == ("UCS-2", True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("kind", LINK_KINDS)
def test_says_as_much_as_in_english(kind: str, channel: str, language: str) -> None:
    ours = layouts.layout(kind, channel, language).names
    assert ours == layouts.layout(kind, channel, "en").names
    assert layouts.is_written(kind, channel, language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", LINK_KINDS)
def test_mail_reads_in_the_direction_of_its_language(kind: str, language: str) -> None:
    html = rendering.render(kind, "email", language, {**VALUES, **COMMON}).html

    is_rtl = language in settings.LANGUAGES_BIDI
    assert f'<html lang="{language}" dir="{"rtl" if is_rtl else "auto"}"' in html
    assert ("direction:ltr" in html) is not is_rtl
    assert 'class="value" align="right"' not in html or not is_rtl


@pytest.mark.parametrize("language", FOLDED)
def test_sms_leaves_out_accents_where_readers_know_that(language: str) -> None:
    values = {
        **VALUES,
        **COMMON,
        "greeting": rendering.greeting("Łukasz Żółć", language),
        "balance": "12,50 zł",
        "due_date": "24 września",
        "description": "Ağustos, João, García",
    }

    text = rendering.render("reminder", "sms", language, values).text

    assert rendering.sms_parts(text).encoding == "GSM-7"
    for said in ("12,50 zl", "24 wrzesnia", "Agustos, Joao, Garcia"):
        assert said in text


def test_sms_keeps_letters_that_only_others_could_replace() -> None:
    values = {**VALUES, **COMMON, "description": "生日蛋糕 á"}

    assert "生日蛋糕 á" in rendering.render("reminder", "sms", "es", values).text


@pytest.mark.parametrize(
    ("language", "name", "said"),
    [
        ("en", "Ada", "Hello Ada"),
        ("ja", "田中", "田中 様"),
        ("ja", "", "お客様"),
        ("zh-hans", "王小明", "王小明\N{FULLWIDTH COMMA}您好"),
        ("hi", "राजेश", "नमस्ते राजेश जी"),
        ("pl", "Anna", "Dzień dobry"),
        ("en", "{}", "Hello {}"),
        ("xx", "", "Hello"),
    ],
)
def test_greets_as_people_there_are_greeted(
    language: str, name: str, said: str
) -> None:
    assert rendering.greeting(name, language) == said


@pytest.mark.parametrize("language", sorted(set(CHEAP) - set(FOLDED)))
@pytest.mark.parametrize("kind", ["receipt", "refund"])
def test_sms_in_costly_letters_is_whole_in_three_parts(
    kind: str, language: str
) -> None:
    amount, day = "12.345,67 €", "24 September 2026"
    values = {
        **VALUES,
        **COMMON,
        "business_name": "Łódzka Spółdzielnia Piekarska",  # letters of two bytes
        "greeting": rendering.greeting("Łukasz Wielkopolski", language),
        "description": "Tort urodzinowy z imieniem Łucja",
        "balance": "",
        **dict.fromkeys(("amount_received", "surplus", "amount_refunded"), amount),
        **dict.fromkeys(("paid_on", "refunded_on"), day),
    }

    text = rendering.render(kind, "sms", language, values).text

    count = rendering.sms_parts(placeholders.fill_late(text, URLS))
    assert (count.encoding, count.parts) == ("UCS-2", 3)
    assert text.count(amount) == (2 if kind == "receipt" else 1)
    assert day in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["invitation", "reminder", "correction"])
def test_mail_has_button_and_plain_link(kind: str, language: str) -> None:
    rendered = rendering.render(kind, "email", language, {**VALUES, **COMMON})

    filled = rendering.fill_links(rendered, URLS)
    assert len(re.findall(f'<a href="{LINK_URL}"', filled.html)) == 2
    assert f">{LINK_URL}<" in filled.html
    assert LINK_URL in filled.text
    for words in ("Hello Ada", "€12.50", "Bread", "12 Market Street", "Blue Door"):
        assert words in filled.html
        assert words in filled.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_reminders_carry_the_way_out(language: str) -> None:
    for kind in LINK_KINDS:
        rendered = rendering.render(kind, "email", language, {**VALUES, **COMMON})
        for part in (rendered.html, rendered.text):
            assert ("{unsubscribe_url}" in part) == (kind == "reminder")


def test_hostile_values_are_text_in_html() -> None:
    values = {
        **VALUES,
        **COMMON,
        "greeting": "Hello <script>alert(1)</script>",
        "note": '"><img src=x onerror=alert(1)> {{ 7*7 }} {link_url}',
    }
    html = rendering.render("invitation", "email", "en", values).html

    filled = placeholders.fill_late(html, URLS, as_html=True)
    assert "<script" not in filled
    assert "<img" not in filled
    assert "{{ 7*7 }} {link_url}" in filled


@pytest.mark.django_db
def test_the_logo_stands_above_the_name_which_stays_readable_without_it() -> None:
    plain = rendering.render("receipt", "email", "de", {**VALUES, **COMMON}).html
    Business.objects.update_or_create(
        pk=1,
        defaults={"name": "Blue Door", "logo_sha256": "a" * 64, "logo_type": "png"},
    )
    values = {**VALUES, **rendering.common_values()}
    html = rendering.render("receipt", "email", "de", values).html

    assert "<img" not in plain
    address = f"{settings.PUBLIC_URL}/brand/{'a' * 16}.png"
    assert values["logo_url"] == address
    assert f'<img src="{address}" alt=""' in html
    assert "Blue Door</div>" in html


def test_line_separators_in_a_subject_become_spaces() -> None:
    values = {**COMMON, "subject": "a\u2028b\u0085c", "body": "x"}
    assert rendering.render("notice", "email", "en", values).subject == "a b c"


def test_lines_without_a_value_are_left_out() -> None:
    values = {**VALUES, **COMMON, "due_date": ""}
    rendered = rendering.render("invitation", "email", "en", values)

    assert "Due" not in rendered.text
    assert ">Due<" not in rendered.html
    assert "\n\n\n" not in rendered.text


def test_unknown_language_falls_to_english() -> None:
    values = {**VALUES, **COMMON}
    english = rendering.render("invitation", "email", "en", values)
    assert rendering.render("invitation", "email", "fi", values) == english
    assert rendering.render("invitation", "email", "../en", values) == english
    assert (
        rendering.render("invitation", "email", "de-AT", values).subject
        == "Ihre Zahlung über €12.50 an Blue Door"
    )


def test_unknown_kind_has_no_template() -> None:
    with pytest.raises(layouts.NoTemplate):
        rendering.render("nothing", "email", "en", {})


def test_missing_value_is_refused() -> None:
    with pytest.raises(PlaceholderError):
        rendering.render("invitation", "email", "en", COMMON)


@pytest.mark.parametrize(
    ("color", "ink"),
    [("#1f4fd8", "#ffffff"), ("#ffffff", "#000000"), ("#ffd200", "#000000")],
)
def test_button_text_is_readable_on_the_brand(color: str, ink: str) -> None:
    assert ink_on(color) == ink


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Blue Door", "Blue Door <shop@localhost.example>"),
        (
            "Bank <security@bank.com>",
            '"Bank <security@bank.com>" <shop@localhost.example>',
        ),
    ],
)
def test_sender_is_always_our_address(name: str, expected: str) -> None:
    settings_from = settings.DEFAULT_FROM_EMAIL
    assert settings_from == "shop@localhost.example"
    assert rendering.sender(name) == expected


@pytest.mark.django_db
def test_preview_is_filled_and_stores_nothing(shop: Shop) -> None:
    Business.objects.update_or_create(pk=1, defaults={"name": "Blue Door"})

    shown = outbox.preview("invitation", "email", "fr", VALUES, LINK_URL)

    assert shown.subject == "Votre paiement de €12.50 à Blue Door"
    assert LINK_URL in shown.html
    assert "{link_url}" not in shown.html + shown.text


def test_check_finds_a_template_that_uses_what_the_kind_lacks(shop: Shop) -> None:
    kind = shop.kind("invitation", Category.INVITATION)
    assert checks.problems_of(kind) == []

    poorer = shop.kind("reminder", Category.REMINDER)
    object.__setattr__(poorer, "placeholders", frozenset(VALUES) - {"balance"})
    object.__setattr__(poorer, "required", frozenset({"paid_on"}))
    found = checks.problems_of(poorer)
    assert "reminder/de (sms): unknown {balance}" in found
    assert "reminder/en (email): no {paid_on}" in found
