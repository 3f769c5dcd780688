"""Our bytes beside those of Django: whoever reads them finds the same mail."""

import html
import time
from datetime import UTC
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.channels import mime
from notifications.channels.base import Attachment, Outgoing

ID = "<msg_1@shop.example>"


def outgoing(**changes: Any) -> Outgoing:
    words: dict[str, Any] = {
        "public_id": "msg_1",
        "recipient": "ada@example.com",
        "sender": "Blue Door <shop@shop.example>",
        "subject": "Your payment",
        "text": "Hello",
        "start_before": 0.0,
    }
    return Outgoing(**{**words, **changes})


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, _class=EmailMessage, policy=policy.default)


def by_django(mail: Outgoing) -> EmailMessage:
    headers = {"Message-ID": ID, "Auto-Submitted": "auto-generated"}
    if mail.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        mail.sender,
        [mail.recipient],
        reply_to=[mail.reply_to] if mail.reply_to else None,
        headers=headers,
    )
    if mail.html:
        made.attach_alternative(mail.html, "text/html")
    for file in mail.attachments:
        made.attach(file.filename, file.content, file.content_type)
    written: Any = made.message()
    return read(written.as_bytes(linesep="\r\n"))


def meaning(mail: EmailMessage) -> dict[str, Any]:
    """Everything that a reader can tell, but for dates and marks between parts."""
    headers = {
        name.lower(): " ".join(str(value).split())  # a fold may leave a space
        for name, value in mail.items()
        if name.lower() not in {"date", "content-type", "content-transfer-encoding"}
    }
    parts = [
        (part.get_content_type(), part.get_filename(), _content(part))
        for part in mail.walk()
    ]
    return {"headers": headers, "parts": parts}


def _content(part: Any) -> Any:
    if part.is_multipart():
        return None
    content = part.get_content()
    if not isinstance(content, str):
        return content
    is_html = part.get_content_type() == "text/html"
    lines = content.replace("\r\n", "\n")
    return html.unescape(lines) if is_html else lines


LINE = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=80
).map(str.strip)
BODY = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs", "Cc", "Cn"]),
        st.sampled_from(" .=&;\n\t"),
    ),
    min_size=1,
    max_size=3000,
)


@settings(max_examples=300, deadline=None)
@given(text=BODY, page=BODY, subject=LINE)
def test_any_words_read_as_django_writes_them(
    text: str, page: str, subject: str
) -> None:
    mail = outgoing(text=text, html=page, subject=subject)

    found = meaning(read(mime.build(mail, ID)))

    assert found["parts"] == meaning(by_django(mail))["parts"]
    assert found["headers"]["subject"].split() == subject.split()


CASES: dict[str, dict[str, Any]] = {
    "text only": {},
    "both": {"html": "<p>Hello</p>"},
    "umlauts": {"html": "<p>Grüße 12,50 €</p>", "text": "Grüße 12,50 €"},
    "long lines": {"html": "<p>" + "x" * 5000 + "</p>", "text": "y " * 3000},
    "subject of emoji": {"subject": "🎂 Alles Gute, " * 20 + "Ada"},
    "sender's name": {"sender": "Bäckerei Müller <shop@shop.example>"},
    "sender's name with marks": {"sender": '"Shop, (the \\"one\\")" <a@b.example>'},
    "domain of another script": {"recipient": "ada@bücher.example"},
    "answer": {"reply_to": "hi@shop.example"},
    "way out": {"unsubscribe_url": f"https://pay.example/unsubscribe/{'a' * 90}/"},
    "files": {
        "html": "<p>Hello</p>",
        "attachments": (
            Attachment("invoice.pdf", bytes(range(256)) * 20, "application/pdf"),
            Attachment("Rechnung Ä.pdf", b"%PDF-", "application/pdf"),
        ),
    },
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_is_the_same_mail_as_djangos(changes: dict[str, Any]) -> None:
    mail = outgoing(**changes)

    raw = mime.build(mail, ID)

    assert meaning(read(raw)) == meaning(by_django(mail))
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert raw.isascii()


def test_is_dated_now() -> None:
    dated = read(mime.build(outgoing(), ID))["Date"]

    age = (
        time.time() - parsedate_to_datetime(str(dated)).replace(tzinfo=UTC).timestamp()
    )
    assert abs(age) < 60


def test_a_subject_like_an_encoded_word_stays_as_it_was_typed() -> None:
    """Django leaves it, and its reader decodes it."""
    typed = "=?utf-8?q?Bank?="

    assert read(mime.build(outgoing(subject=typed), ID))["Subject"] == typed


@pytest.mark.parametrize("field", ["subject", "recipient", "sender", "reply_to"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x1c", "\u2028", "\x85"])
def test_a_header_of_two_lines_is_refused(field: str, end: str) -> None:
    with pytest.raises(mime.BadHeader):
        mime.build(outgoing(**{field: f"a@example.com{end}Bcc: b@example.com"}), ID)


@pytest.mark.parametrize("address", ["", "nobody", "ü@example.com", "a@" + "ü" * 80])
def test_an_address_without_an_ascii_form_is_refused(address: str) -> None:
    with pytest.raises(mime.BadHeader):
        mime.envelope_address(address)
