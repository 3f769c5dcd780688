import pytest
from pytest_django.fixtures import Settings

from ..services.contacts import ContactError, parse_email, parse_phone


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ana@example.com", "ana@example.com"),
        (" Ana.Silva+shop@Example.COM ", "ana.silva+shop@example.com"),
        ("o'brien@example.ie", "o'brien@example.ie"),
        ("ana@münchen.example.de", "ana@xn--mnchen-3ya.example.de"),
        ("ana@straße.de", "ana@xn--strae-oqa.de"),
        ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_email_has_one_canonical_form(typed: str, kept: str) -> None:
    assert parse_email(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@example.com\nBcc: eve@example.com",
        "ana@example.com\r",
        "ana\x0b@example.com",
        "ana@example.com\x1cBcc: eve@example.com",
        "ana@exam\u2028ple.com",
        "a@b.com,c@d.com",
        "x <a@b.com>",
        "a@b@c.com",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@127.0.0.1",
        f"{'a' * 65}@example.com",
        f"{'a' * 300}@example.com",
        f"a@{'b.' * 125}com",
        "a@b.c\u200bom",
        "a@b.com\u200b",
        "a@b.com\u202e",
        "renée@example.com",
        '"a b"@example.com',
        "a..b@example.com",
        ".a@example.com",
        "a@-b.com",
        "a@b_c.com",
        "a@example.c",
        "a@example..com",
        "a@example.com.",
        "a\x00@example.com",
        "a\ud800@example.com",
        "a@\ud800.com",
    ],
)
def test_email_that_cannot_be_written_to_is_refused(typed: str) -> None:
    with pytest.raises(ContactError):
        parse_email(typed)


@pytest.mark.parametrize(
    ("typed", "region", "kept"),
    [
        ("+1 415 555 0100", "", "+14155550100"),
        ("+44 (0) 7400 123456", "", "+447400123456"),
        ("07400 123456", "GB", "+447400123456"),
        ("+1 415 555 0100", "GB", "+14155550100"),
        ("+44 20 7946 0018", "", "+442079460018"),
        ("+４４７４００１２３４５６", "", "+447400123456"),  # noqa: RUF001
        ("+٤٤٧٤٠٠١٢٣٤٥٦", "", "+447400123456"),
    ],
)
def test_phone_number_becomes_e164(typed: str, region: str, kept: str) -> None:
    assert parse_phone(typed, region) == kept


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        ("07400 123456", ""),
        ("+4412", ""),
        ("call me", ""),
        ("call me", "GB"),
        ("+1 900 555 1234", ""),
        ("+881 612 345 678", ""),
        ("+44 7400 123456 ext. 5", ""),
        ("+14155550100;ext=5", ""),
        ("+44 906 123 4567", ""),
        ("+14155550100\x00", ""),
        ("+1" + "4" * 300, ""),
        ("\ud800", ""),
        ("", "GB"),
    ],
)
def test_phone_number_that_costs_or_leads_nowhere_is_refused(
    typed: str, region: str
) -> None:
    with pytest.raises(ContactError):
        parse_phone(typed, region)


def test_number_without_country_asks_for_it() -> None:
    with pytest.raises(ContactError, match="country"):
        parse_phone("07400 123456")


def test_country_that_is_not_listed_is_refused(settings: Settings) -> None:
    settings.SMS_COUNTRIES = ["GB"]

    assert parse_phone("+447400123456") == "+447400123456"
    with pytest.raises(ContactError, match="country"):
        parse_phone("+14155550100")
