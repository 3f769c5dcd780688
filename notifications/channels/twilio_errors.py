"""Twilio's numbered errors in words for staff: what happened and what to do next.

https://www.twilio.com/docs/api/errors; what is not here is told by its number alone.
"""

_WORDS = {
    20003: "Twilio does not know the account or its token: check TWILIO_AUTH_TOKEN",
    20429: "Twilio asks to send more slowly",
    21211: "This is no phone number that Twilio can reach",
    21408: "Twilio may not send to this country: allow it in Twilio's geo permissions",
    21608: "A trial account of Twilio sends to verified numbers only",
    21610: "The customer has opted out at Twilio",
    21612: "Twilio cannot send from our number to this one",
    21614: "This number cannot get SMS",
    21617: "The text is too long for one message",
    21655: "Twilio does not know this content SID: check the WhatsApp template",
    21656: "Twilio refused the values of the WhatsApp template: check their number",
    30003: "The phone is switched off or out of reach",
    30004: "The phone or its operator blocks our messages",
    30005: "Nobody has this number",
    30006: "This is a landline, or an operator that takes no SMS",
    30007: "An operator took the message for spam",
    30008: "The operator did not say why",
    30034: "Our number is not registered to send SMS to the United States",
    63003: "WhatsApp does not know this number",
    63007: "Our number is not set up for WhatsApp at Twilio: check TWILIO_WHATSAPP_FROM",
    63014: "The customer has blocked us or opted out on WhatsApp",
    63016: (
        "WhatsApp takes only approved templates when the customer has not written"
        " within 24 hours"
    ),
    63018: "WhatsApp asks to send more slowly",
    63024: "This number is not on WhatsApp, or WhatsApp may not deliver to it",
    63027: "WhatsApp has no such template in this language",
    63028: "The WhatsApp template has another number of values than we sent",
    63032: "WhatsApp does not let us write to this customer now",
    63040: "WhatsApp has rejected this template",
    63041: "WhatsApp has paused this template, because customers complained",
    63042: "WhatsApp has switched this template off",
    63049: "WhatsApp chose not to deliver it to this customer",
}
_UNREACHABLE = frozenset({21610, 63014, 63024})
# Opted out, not there, blocked: whoever writes on is marked as a spammer.


def words_of(code: int | str | None) -> str:
    """`The phone is switched off … (Twilio error 30003)`; blank without words."""
    number = _number(code)
    words = _WORDS.get(number)
    return f"{words} (Twilio error {number})" if words else ""


def is_unreachable(code: int | str | None) -> bool:
    """Whether nothing more should go to that address on that channel."""
    return _number(code) in _UNREACHABLE


def _number(code: int | str | None) -> int:
    written = str(code or "")
    return int(written) if written.isascii() and written.isdigit() else 0
