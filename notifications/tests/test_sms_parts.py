import pytest

from notifications.services.sms_parts import (
    MOST_PARTS,
    instead_of,
    plain,
    sms_parts,
    suggestion,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 0, "")),
        ("a" * 160, ("GSM-7", 160, 1, "")),
        ("a" * 161, ("GSM-7", 161, 2, "")),
        ("a" * 306, ("GSM-7", 306, 2, "")),
        ("a" * 307, ("GSM-7", 307, 3, "")),
        ("€" * 80, ("GSM-7", 160, 1, "")),
        # an escaped character does not fit into the last septet of a part
        ("a" * 152 + "€" + "a" * 152, ("GSM-7", 306, 3, "")),
        ("Ç", ("GSM-7", 1, 1, "")),
        ("ç", ("UCS-2", 1, 1, "ç")),
        ("я" * 70, ("UCS-2", 70, 1, "я")),
        ("я" * 71, ("UCS-2", 71, 2, "я")),
        ("😀" * 35, ("UCS-2", 70, 1, "😀")),
        # 33 pairs fill 66 of 67 units: the 34th pair starts the next part
        ("😀" * 67, ("UCS-2", 134, 3, "😀")),
    ],
)
def test_counts_as_the_network_does(
    text: str, expected: tuple[str, int, int, str]
) -> None:
    count = sms_parts(text)
    assert (count.encoding, count.units, count.parts, count.culprit) == expected


def test_typography_does_not_make_a_message_dearer() -> None:
    assert sms_parts(plain("O\u2019Brien \u2013 12,50\u202f€…")).encoding == "GSM-7"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Pay \u2192 \u201cnow\u201d", 'Pay -> "now"'),
        ("Lukasz \u2013 \u0141ukasz", "Lukasz - Lukasz"),
        ("Thank you \U0001f389!", "Thank you!"),
        ("\U0001f469\u200d\U0001f373 is cooking", "is cooking"),
        ("fa\u00e7ade, \ufb01ne, x\u00b2", "facade, fine, x2"),
        ("12\u00d71\u00a0\u20ac", "12x1 \u20ac"),
        ("plain", ""),
        ("\u304a\u652f\u6255\u3044 \U0001f389", ""),
        ("\u05e9\u05dc\u05d5\u05dd", ""),
        ("\U0001f389", ""),
    ],
)
def test_what_would_say_the_same_for_less(text: str, expected: str) -> None:
    assert suggestion(text) == expected
    assert sms_parts(suggestion(text)).encoding == "GSM-7"


def test_every_character_that_makes_it_dearer_is_named_once() -> None:
    count = sms_parts("\u2192 a \u2192 \U0001f389 b \u2192")

    assert count.forced_by == ("\u2192", "\U0001f389")
    assert [instead_of(sign) for sign in count.forced_by] == ["->", ""]
    assert count.suggestion == "-> a -> b ->"


def test_what_has_too_many_parts_is_known() -> None:
    assert not sms_parts("a" * 153 * MOST_PARTS).is_too_long
    assert sms_parts("a" * (153 * MOST_PARTS + 1)).is_too_long
