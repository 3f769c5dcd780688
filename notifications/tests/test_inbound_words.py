"""STOP, START and HELP in every language we write in, however they are typed."""

import pytest
from django.conf import settings

from notifications.services.replies import HELP, START, STOP, WORDS, meaning

LANGUAGES = sorted({code.partition("-")[0] for code, _name in settings.LANGUAGES})
EVERY = [
    (word, name)
    for words in WORDS.values()
    for name, group in zip((STOP, START, HELP), words, strict=True)
    for word in group.split()
]
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


def test_every_language_of_customers_has_words_for_all_three() -> None:
    assert sorted(WORDS) == LANGUAGES
    assert all(group.split() for words in WORDS.values() for group in words)


@pytest.mark.parametrize(("word", "expected"), EVERY)
def test_a_word_is_heard_however_it_is_typed(word: str, expected: str) -> None:
    for typed in (
        word,
        word.upper(),
        word.title(),
        f"  {word}!!! ",
        f"\u201c{word}\u201d.",
        "\u200f" + word + "\u200e",
        " ".join(word),
        word.translate(FULL_WIDTH),
        f"{word} \U0001f64f",
        f"{word}\u3002",
    ):
        assert meaning(typed) == expected, typed


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("\u0130PTAL", STOP),  # how Turkish capitals are typed, and how they are not
        ("IPTAL", STOP),
        ("\u00c7IK", STOP),
        ("YARDIM", HELP),
        ("yard\u0131m", HELP),
        ("bilgi", HELP),
        ("ARRET", STOP),
        ("Arr\u00eat", STOP),
        ("arre\u0302t", STOP),
        ("\uff33\uff34\uff21\uff32\uff34", START),
        ("rezygnuje", STOP),
        ("\u0627\u064a\u0642\u0627\u0641", STOP),  # without its hamza
        ("\u0625\u0650\u064a\u0642\u0627\u0641", STOP),  # with a vowel sign
        ("\uff8d\uff99\uff8c\uff9f", HELP),  # half-width kana
        ("\u914d\u4fe1\u505c\u6b62\u3002", STOP),
        ("INFO?", HELP),
        ("Un-Stop", START),
        ("STOP\nSent from my phone", STOP),
        ("help me please", ""),
        ("start of the week is fine", ""),
        ("", ""),
        ("123", ""),
        ("\U0001f44d", ""),
    ],
)
def test_odd_ways_to_type_it(typed: str, expected: str) -> None:
    assert meaning(typed) == expected


def test_no_word_means_two_things() -> None:
    for word, expected in EVERY:
        assert meaning(word) == expected
