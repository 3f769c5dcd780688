import hashlib
import re

import pytest
from pytest_django.fixtures import Settings

from .. import signing

OLD, NEW = "o" * 40, "n" * 40
TOKEN = "A1b2C3d4E5f6G7h8I9j0Kk"


@pytest.fixture
def keys(settings: Settings) -> None:
    settings.LINK_TOKEN_KEYS = {"v2": NEW, "v1": OLD}


def test_link_token_is_the_same_every_time_and_22_base62(keys: None) -> None:
    first = signing.link_token("plk_1", 1)

    assert first == signing.link_token("plk_1", 1)
    assert re.fullmatch("[0-9A-Za-z]{22}", first.token)
    assert first.key_version == "v2"
    assert first.sha256 == hashlib.sha256(first.token.encode()).hexdigest()
    assert signing.token_sha256(first.token) == first.sha256


def test_link_generation_and_key_each_change_the_token(keys: None) -> None:
    tokens = {
        signing.link_token("plk_1", 1).token,
        signing.link_token("plk_1", 2).token,
        signing.link_token("plk_1", 11).token,
        signing.link_token("plk_11", 1).token,
        signing.link_token("plk_1", 1, "v1").token,
    }

    assert len(tokens) == 5


def test_old_links_keep_their_token_after_a_new_key(settings: Settings) -> None:
    settings.LINK_TOKEN_KEYS = {"v1": OLD}
    before = signing.link_token("plk_1", 1)

    settings.LINK_TOKEN_KEYS = {"v2": NEW, "v1": OLD}

    assert signing.link_token("plk_1", 1, before.key_version) == before


def test_lost_key_is_named(keys: None) -> None:
    with pytest.raises(signing.UnknownKeyVersion, match="v0"):
        signing.link_token("plk_1", 1, "v0")


@pytest.mark.parametrize("tail", ["", ".", ">", ",", ")", "…", "”"])
def test_one_trailing_mark_of_a_mail_program_is_trimmed(tail: str) -> None:
    assert signing.clean_token(TOKEN + tail) == TOKEN


@pytest.mark.parametrize(
    "raw",
    [
        "",
        ".",
        TOKEN[:-1],
        TOKEN + "a",
        TOKEN + "..",
        TOKEN + "\x00",
        TOKEN + "\n",
        TOKEN[:-1] + "-",
        TOKEN[:-1] + "٣",
        TOKEN[:-1] + "\ud800",
        " " + TOKEN,
    ],
)
def test_what_can_be_no_token_is_none(raw: str) -> None:
    assert signing.clean_token(raw) is None


@pytest.mark.parametrize("value", ["", "7", "ana@example.com", "\x00ü", "x" * 300])
def test_signed_value_comes_back_for_its_purpose(value: str) -> None:
    text = signing.sign("unsubscribe", value)

    assert re.fullmatch("[0-9A-Za-z]+", text)
    assert signing.unsign("unsubscribe", text) == value
    with pytest.raises(signing.BadSignature):
        signing.unsign("erase", text)


def test_too_long_a_value_is_not_signed() -> None:
    with pytest.raises(ValueError, match="300"):
        signing.sign("unsubscribe", "x" * 301)


def test_any_change_breaks_the_signature() -> None:
    text = signing.sign("unsubscribe", "ana@example.com")
    for index, character in enumerate(text):
        other = "A" if character != "A" else "B"
        with pytest.raises(signing.BadSignature):
            signing.unsign("unsubscribe", text[:index] + other + text[index + 1 :])


@pytest.mark.parametrize("text", ["", "a", "0" * 22, "0" * 60, "é" * 30, "z" * 5000])
def test_rubbish_is_a_bad_signature(text: str) -> None:
    with pytest.raises(signing.BadSignature):
        signing.unsign("unsubscribe", text)


def test_signatures_outlive_a_new_secret_key(settings: Settings) -> None:
    settings.SECRET_KEY = OLD
    text = signing.sign("unsubscribe", "7")

    settings.SECRET_KEY = NEW
    settings.SECRET_KEY_FALLBACKS = [OLD]
    assert signing.unsign("unsubscribe", text) == "7"

    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(signing.BadSignature):
        signing.unsign("unsubscribe", text)
