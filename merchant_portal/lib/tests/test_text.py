# ruff: noqa: RUF001 - other alphabets are what this is about
import pytest

from .. import text
from ..text import TextError, clean_block, clean_line

FAMILY = "👩\u200d👩\u200d👧\u200d👦"


@pytest.mark.parametrize(
    "value",
    [
        "O'Brien",
        "Null",
        "Renée",
        "Nguyễn",
        "A",
        "李小龍",
        "محمد",
        "می\u200cخواهم",
        "क्\u200dष",
        FAMILY,
        "❤️\u200d🔥",
        "👍🏽",
        "{{ 7*7 }}",
        "{% load %}",
        "${x}",
        "<script>",
        "Сбербанк",
    ],
)
def test_keeps_letters_and_signs_of_every_script(value: str) -> None:
    assert clean_line(value) == value
    assert clean_block(value) == value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("abc\u202edef", "abcdef"),
        ("a\u200bb\ufeffc\u2060d", "abcd"),
        ("a\u2066b\u2069c", "abc"),
        ("a\u200db", "ab"),
        ("a\u00adb", "ab"),
        ("\u3164", ""),
        ("  a  ", "a"),
        ("a\tb", "a b"),
        ("a\u2028b\u2029c\u0085d", "a b c d"),
        ("Rene\u0301e", "Renée"),
    ],
)
def test_strips_what_nobody_sees(value: str, kept: str) -> None:
    assert clean_line(value) == kept


@pytest.mark.parametrize(
    "value",
    [
        "a\nBcc: eve@example.com",
        "a\rb",
        "a\x0bb",
        "a\x1cb",
        "a\x00b",
        "a\x1b[31mb",
        "a\x7fb",
        "a\ud800b",
        "x" * 201,
        "x" * 10_000,
        "x" * 5_000_000,
        FAMILY * 201,
    ],
)
def test_refuses_controls_and_too_much(value: str) -> None:
    with pytest.raises(TextError):
        clean_line(value)


def test_length_is_what_a_reader_counts() -> None:
    assert clean_line("é" * 200) == "é" * 200
    assert clean_line("Z̷͇̈a̶̡̅l̴g̵o̷") == clean_line("Z̷͇̈a̶̡̅l̴g̵o̷", 5)
    assert clean_line(FAMILY * 20, 20, max_length=500) == FAMILY * 20
    with pytest.raises(TextError, match="20"):
        clean_line(FAMILY * 21, 20, max_length=500)
    with pytest.raises(TextError):
        clean_line("e" + "\u0301\u0323" * 1000)


def test_block_keeps_lines_in_one_form() -> None:
    assert clean_block("a\r\nb\rc\u2028d\n\te ") == "a\nb\nc\nd\n\te"
    with pytest.raises(TextError):
        clean_block("a\x00b")
    with pytest.raises(TextError):
        clean_block("x" * 2001)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("", 0),
        ("abc", 3),
        ("e\u0301", 1),
        (FAMILY, 1),
        (FAMILY * 2, 2),
        ("👍🏽👍", 2),
        ("🇩🇪🇫🇷", 2),
        ("🇩🇪🇫", 2),
        ("각", 1),
        ("한국", 2),
        ("가", 1),
        ("नि", 1),
        ("1️⃣", 1),
        ("\r\n", 1),
    ],
)
def test_counts_graphemes(value: str, count: int) -> None:
    assert len(list(text.graphemes(value))) == count
    assert "".join(text.graphemes(value)) == value


def test_cuts_between_graphemes() -> None:
    assert text.cut("abc", 3) == "abc"
    assert text.cut("abcd", 3) == "ab…"
    assert text.cut(FAMILY * 3, 2) == FAMILY + "…"


@pytest.mark.parametrize(
    "value",
    [
        "4242424242424242",
        "card: 4242 4242 4242 4242, thanks",
        "4242-4242-4242-4242",
        "4242.4242.4242.4242",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "6011111111111117",
        "2223003122003222",
        "4242 4242 4242 4242 123",
        "4242424242424242 12/27",
        "４２４２４２４２４２４２４２４２",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
    ],
)
def test_sees_a_card_number(value: str) -> None:
    assert text.looks_like_card_number(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "4242424242424241",
        "424242424242",
        "+44 7400 123456",
        "Invoice 2026-000123 of 2026-11-23",
        "DE89 3704 0044 0532 0130 00",
        "GB82 WEST 1234 5698 7654 32",
        "0000000000000000",
        "PL-2026-000123",
    ],
)
def test_leaves_other_numbers_alone(value: str) -> None:
    assert not text.looks_like_card_number(value)


@pytest.mark.parametrize("value", ["P\u0430ypal", "Αpple", "ivan Иvan"])
def test_sees_look_alikes_within_one_word(value: str) -> None:
    assert text.has_mixed_scripts(value)


@pytest.mark.parametrize(
    "value", ["", "Renée", "Иван Smith", "東京タワー", "Müller-Иванов", "ABC123"]
)
def test_several_scripts_in_several_words_are_fine(value: str) -> None:
    assert not text.has_mixed_scripts(value)
