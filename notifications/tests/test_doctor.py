"""What is refused, what is warned of, and that good words pass without a sound."""

import dataclasses

import pytest
from pytest_django import Settings

from merchant_portal.business.models import Business
from notifications import checks, kinds
from notifications.services import doctor, doctor_links, shipped
from notifications.services.doctor import Shop
from notifications.services.doctor_words import threats_in
from notifications.services.rendering import common_values
from notifications.services.shipped import Words

from .factories import VALUES

SHOP = Shop(
    hosts=("pay.example.com", "blue-door.example"),
    values={**VALUES, "business_name": "Blue Door", "customer_name": "Ada"},
)
GOOD = shipped.words("reminder", "email", "en")
GOOD_SMS = shipped.words("reminder", "sms", "en")


@pytest.fixture(autouse=True)
def _ours(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://pay.example.com"


def mail(
    shop: Shop = SHOP, kind: str = "reminder", **words: str
) -> list[tuple[str, str, str]]:
    typed = dataclasses.replace(GOOD, **words)
    report = doctor.examine(kinds.get(kind), "email", "en", typed, shop)
    return [(one.severity, one.place, one.message) for one in report.findings]


def sms(
    text: str, language: str = "en", kind: str = "reminder"
) -> list[tuple[str, str, str]]:
    report = doctor.examine(kinds.get(kind), "sms", language, Words(text=text), SHOP)
    return [(one.severity, one.place, one.message) for one in report.findings]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [k.name for k in kinds.all_kinds() if not k.is_given])
def test_the_words_of_the_product_pass(kind: str) -> None:
    Business.objects.update_or_create(pk=1, defaults={"name": "Blue Door"})
    found = kinds.get(kind)

    for language in checks.languages_of(found):
        values = {**common_values(), **found.sample(language)}
        for channel in sorted(found.channels & {"email", "sms"}):
            typed = shipped.words(kind, channel, language)
            report = doctor.examine(
                found, channel, language, typed, Shop(values=values)
            )
            assert report.findings == []
            assert report.words == typed


REFUSED = {
    "unknown placeholder": ("Pay {amuont}: [Pay]({link_url})", "Is it {amount}?"),
    "a placeholder of nowhere": ("{xyzzy} [Pay]({link_url})", "no placeholder {xyzzy}"),
    "no address": ("Please pay {balance}.", "without {link_url} nobody can pay"),
    "a section that is not closed": ("{?note}{note} [Pay]({link_url})", "not closed"),
    "a section over two paragraphs": (
        "{?note}{note}\n\nend{/note} [Pay]({link_url})",
        "same paragraph",
    ),
    "a foreign address": ("https://evil.example/ [Pay]({link_url})", "another place"),
    "a foreign link": (
        "[shop](https://evil.example) [Pay]({link_url})",
        "another place",
    ),
    "a host that looks like ours": (
        "https://pay.example.com.evil.example/ [Pay]({link_url})",
        "another place",
    ),
    "a name before the host": (
        "https://pay.example.com@evil.example/ [Pay]({link_url})",
        "another place",
    ),
    "a host made of a value": (
        "https://{customer_name}.example/ [Pay]({link_url})",
        "not an address",
    ),
    "a shortened link": ("bit.ly/x1 [Pay]({link_url})", "another place"),
    "a broken link": ("[x](htps:/nowhere) [Pay]({link_url})", "not an address"),
    "script as an address": (
        "[x](javascript:void0) [Pay]({link_url})",
        "has no place in a message",
    ),
    "the link of one customer": (
        "https://pay.example.com/p/7hG5kLm2Qw9ZxC4vB8nM1a/ [Pay]({link_url})",
        "write {link_url}",
    ),
    "a page that is not there": (
        "https://pay.example.com/nowhere/ [Pay]({link_url})",
        "There is no page",
    ),
    "script": ("<script>x</script> [Pay]({link_url})", "has no place in a message"),
    "style": ("<STYLE>p{}</style> [Pay]({link_url})", "has no place in a message"),
    "a form": ("< form action=x> [Pay]({link_url})", "has no place in a message"),
    "an event": ("<b onclick=x()> [Pay]({link_url})", "has no place in a message"),
    "nothing": (" \n ", "Write something here"),
    "the number of a card": (
        "4242 4242 4242 4242 [Pay]({link_url})",
        "number of a card",
    ),
    "a name put together": ("{am**ou**nt} [Pay]({link_url}) {**xyzzy**}", "{xyzzy}"),
}


@pytest.mark.parametrize(("body", "said"), REFUSED.values(), ids=REFUSED)
def test_is_refused(body: str, said: str) -> None:
    refusals = [found for found in mail(body=body) if found[0] == "refuse"]

    assert [found for found in refusals if said in found[2]], mail(body=body)
    assert {found[1] for found in refusals} == {"body"}


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("", "Write something here"),
        ("Pay now\nBcc: all@example.com", "one line"),
        ("Pay now\r\nBcc: all@example.com", "one line"),
        ("x" * 201, "too long"),
        ("Pay at {link_url}", "must not stand in the subject"),
        ("Pay {nothing}", "no placeholder {nothing}"),
    ],
)
def test_a_subject_is_refused(subject: str, said: str) -> None:
    (found,) = mail(subject=subject)

    assert found[:2] == ("refuse", "subject")
    assert said in found[2]


def test_an_own_plain_text_needs_the_address_too() -> None:
    found = mail(text="Please pay.")

    assert ("refuse", "text") in [one[:2] for one in found]
    assert mail(text="Please pay {balance}: {link_url}") == []


WARNED = {
    "a sum": ("You owe us € 12,50.", "is {amount} meant?"),
    "a sum with a code": ("You owe us 12.50 EUR.", "is {amount} meant?"),
    "two currencies": ("You owe us €{balance}.", "already comes with its currency"),
    "a threat": ("Else our lawyer will write.", "may sound like a threat: lawyer"),
    "shouting": ("PLEASE PAY IMMEDIATELY", "shouting"),
    "spam": ("Pay now!!", "exclamation marks"),
    "almost a placeholder": ("Dear {{ customer_name }}", "Is it {customer_name}?"),
    "of another product": ("Dear ${customer_name}", "would be read as it stands"),
    "capitals": ("Dear {Customer_Name}", "Is it {customer_name}?"),
    "HTML": ("<b>Hello</b>", "For bold write **words**"),
    "a name that becomes a link": ("See other-shop.com today", "which is not yours"),
    "no encryption": ("See http://blue-door.example/", "write https"),
}


@pytest.mark.parametrize(("piece", "said"), WARNED.values(), ids=WARNED)
def test_is_warned_of(piece: str, said: str) -> None:
    (found,) = mail(body=f"{GOOD.body}\n\n{piece}")

    assert found[:2] == ("warn", "body")
    assert said in found[2]


@pytest.mark.parametrize(
    "piece",
    [
        "See [our shop](https://blue-door.example/shop?a=1&b=2).",
        "See https://www.blue-door.example/ today.",
        "Write to [us](mailto:hello@other.example) or hello@other.example.",
        "Call [us](tel:+442071838750).",
        "Open from 9 to 17, or either/or, at 3/4.",
        "Order 123, item 4.5 kg.",
        "[Answer us]({link_url}reply/)",
        "IBAN and VAT stay capitals. A B C!",
        "{?note}Note: {note}{/note}",
    ],
)
def test_passes(piece: str) -> None:
    assert mail(body=f"{GOOD.body}\n\n{piece}") == []


def test_asking_without_a_sum_is_warned_of() -> None:
    body = "{greeting},\n\n[Pay]({link_url})"

    assert mail(subject="Please", body=body) == [
        ("warn", "body", "It does not say how much is asked for.")
    ]


def test_languages_that_lack_are_named() -> None:
    lacking = dataclasses.replace(SHOP, untranslated=("German", "French"))

    (found,) = mail(shop=lacking)
    assert found[:2] == ("warn", "")
    assert "German, French" in found[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{business_name}: {balance}. STOP", ("refuse", "without {link_url}")),
        ("{balance} {link_url} STOP", ("warn", "whom it is from")),
        ("{business_name} {balance} {link_url}", ("warn", "STOP ends")),
        ("{business_name}: {balance} Erdő {link_url} STOP", ("warn", "Write “o”")),
        (
            "{business_name}: {balance} " + "word " * 100 + "{link_url} STOP",
            ("warn", "takes 4 SMS"),
        ),
    ],
)
def test_an_sms(text: str, expected: tuple[str, str]) -> None:
    found = sms(text)

    assert found[0][:2] == (expected[0], "sms")
    assert expected[1] in found[0][2]


THREATS = {
    "en": "We will take legal action and call the police.",
    "da": "Ellers sender vi det til inkasso.",
    "de": "Sonst übergeben wir an ein Inkassobüro und einen Rechtsanwalt.",
    "es": "Nuestro abogado irá al juzgado.",
    "fr": "Nous passerons au tribunal avec un huissier.",
    "he": "נפנה אל עורך דין ואל הוצאה לפועל.",
    "hi": "हम अदालत जाएंगे।",
    "ar": "سنلجأ إلى إجراءات قانونية.",
    "it": "Il nostro avvocato chiederà il pignoramento.",
    "ja": "法的措置を取ります。",
    "nl": "Anders komt de deurwaarder.",
    "pl": "Sprawę przejmie komornik.",
    "pt": "O nosso advogado pedirá a penhora.",
    "sv": "Annars går det till kronofogden.",
    "tr": "Avukat icra takibine gider.",
    "zh-hans": "我们将通过法院起诉。",
}


@pytest.mark.parametrize(("language", "words"), THREATS.items())
def test_a_threat_is_heard_in_every_language(language: str, words: str) -> None:
    assert threats_in(words, language)
    assert not threats_in("Danke, thank you, merci, gracias.", language)


def test_hosts() -> None:
    assert doctor_links.hosts_of(
        "https://pay.example.com", "http://www.Blue-Door.example/a", "", "x"
    )[:2] == ("pay.example.com", "blue-door.example")
    assert doctor_links.is_own("www.blue-door.example", SHOP.hosts)
    assert not doctor_links.is_own("evilblue-door.example", SHOP.hosts)
