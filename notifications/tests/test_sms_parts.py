import pytest

from notifications.services.sms_parts import SmsCount, plain, sms_parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", SmsCount("GSM-7", 0, 0, "")),
        ("a" * 160, SmsCount("GSM-7", 160, 1, "")),
        ("a" * 161, SmsCount("GSM-7", 161, 2, "")),
        ("a" * 306, SmsCount("GSM-7", 306, 2, "")),
        ("a" * 307, SmsCount("GSM-7", 307, 3, "")),
        ("€" * 80, SmsCount("GSM-7", 160, 1, "")),
        # an escaped character does not fit into the last septet of a part
        ("a" * 152 + "€" + "a" * 152, SmsCount("GSM-7", 306, 3, "")),
        ("Ç", SmsCount("GSM-7", 1, 1, "")),
        ("ç", SmsCount("UCS-2", 1, 1, "ç")),
        ("я" * 70, SmsCount("UCS-2", 70, 1, "я")),
        ("я" * 71, SmsCount("UCS-2", 71, 2, "я")),
        ("😀" * 35, SmsCount("UCS-2", 70, 1, "😀")),
        # 33 pairs fill 66 of 67 units: the 34th pair starts the next part
        ("😀" * 67, SmsCount("UCS-2", 134, 3, "😀")),
    ],
)
def test_counts_as_the_network_does(text: str, expected: SmsCount) -> None:
    assert sms_parts(text) == expected


def test_typography_does_not_make_a_message_dearer() -> None:
    assert sms_parts(plain("O\u2019Brien \u2013 12,50\u202f€…")).encoding == "GSM-7"
