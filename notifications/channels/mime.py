"""A finished mail as bytes: what `email` would write, without taking it apart first.

Bodies go as they are where they are ASCII in short lines, else as quoted-printable, so
that any server takes them; headers that are not plain are the standard library's work.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from email.header import Header
from email.message import Message
from email.utils import formataddr, formatdate, parseaddr
from functools import lru_cache

from .base import Attachment, Outgoing

LINE_LENGTH = 76
# Of headers and of what is encoded: RFC 2045 6.7, RFC 2047 2.
MAX_LINE_LENGTH = 998
# RFC 5322 2.1.1; longer ones are cut by some servers.
WORD_BYTES = 42
# Of an encoded word in base64 with its marks around it, and room for "Subject: ".
_PLAIN = re.compile(r"[ -~]*\Z")
_BARE = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\Z")
# Addresses as nearly all are; the others are taken apart by the standard library.
_BREAKS = re.compile(r"\r\n?|\n")
_ALTERNATIVE, _MIXED = "=_alternative", "=_mixed"
# In quoted-printable and base64 no `=` stands before an underline: RFC 2045 6.7.


class BadHeader(ValueError):
    """A header that cannot be written, or that holds the end of a line."""


def build(outgoing: Outgoing, message_id: str) -> bytes:
    """The mail with CRLF line ends, not yet dot-stuffed; raises BadHeader.

    Equal each time for the same message, but for its date.
    """
    headers = b"".join(_headers(outgoing, message_id))
    body = _part("text/plain", outgoing.text)
    if outgoing.html:
        # References to characters mean the same and need no encoding.
        ascii_html = outgoing.html.encode("ascii", "xmlcharrefreplace").decode()
        html = _part("text/html", ascii_html)
        body = _multipart("alternative", _ALTERNATIVE, [body, html])
    if outgoing.attachments:
        files = [_file(each) for each in outgoing.attachments]
        body = _multipart("mixed", _MIXED, [body, *files])
    return headers + body


def envelope_address(address: str) -> str:
    """The bare address of a header's value, its domain in ASCII; raises BadHeader."""
    return address if _BARE.match(address) else _bare(one_line("address", address))


@lru_cache(maxsize=256)
def _bare(address: str) -> str:
    return parseaddr(_address(address))[1]


def _headers(outgoing: Outgoing, message_id: str) -> Iterator[bytes]:
    yield b"MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
    yield _addressed("From", outgoing.sender)
    yield _addressed("To", outgoing.recipient)
    if outgoing.reply_to:
        yield _addressed("Reply-To", outgoing.reply_to)
    yield _header("Subject", outgoing.subject)
    yield f"Date: {formatdate()}\r\nMessage-ID: {message_id}\r\n".encode("ascii")
    if outgoing.unsubscribe_url:
        # RFC 8058: one click, no cookie
        yield _header("List-Unsubscribe", f"<{outgoing.unsubscribe_url}>")
        yield b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


def _header(name: str, value: str) -> bytes:
    text = one_line(name, value)
    if not _PLAIN.match(text) or "=?" in text:
        text = "\r\n ".join(_encoded_words(text))
    elif len(name) + 2 + len(text) > LINE_LENGTH:
        header = Header(text, maxlinelen=LINE_LENGTH, header_name=name)
        text = header.encode(linesep="\r\n")
    return f"{name}: {text}\r\n".encode("ascii")


def _encoded_words(text: str) -> Iterator[str]:
    """RFC 2047: words of whole characters, at most 75 of ASCII each."""
    word = b""
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(word) + len(encoded) > WORD_BYTES:
            yield _encoded_word(word)
            word = b""
        word += encoded
    yield _encoded_word(word)


def _encoded_word(word: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(word).decode()}?="


def _addressed(name: str, value: str) -> bytes:
    return f"{name}: {_address(one_line(name, value))}\r\n".encode("ascii")


def _address(value: str) -> str:
    """`Name <local@domain>` in ASCII; raises BadHeader where there is no such form."""
    return value if _BARE.match(value) else _rewritten(value)


@lru_cache(maxsize=256)  # sender and reply address are the same for a whole batch
def _rewritten(value: str) -> str:
    name, address = parseaddr(value)
    local, at, domain = address.rpartition("@")
    if not at or not local.isascii():
        raise BadHeader("An address cannot be written in ASCII.")
    try:
        ascii_domain = domain.encode("idna").decode() if domain else ""
    except UnicodeError as exc:
        raise BadHeader("A domain cannot be written in ASCII.") from exc
    return formataddr((name, f"{local}@{ascii_domain}"))


def one_line(name: str, value: str) -> str:
    """The value; raises BadHeader where it would end the header."""
    if len(value.splitlines()) > 1 or value.endswith(("\r", "\n")):
        raise BadHeader(f"{name} holds the end of a line.")
    return value


def _part(content_type: str, text: str) -> bytes:
    lines = _BREAKS.sub("\n", text) if "\r" in text else text
    is_plain = lines.isascii() and max(map(len, lines.split("\n"))) <= MAX_LINE_LENGTH
    body = lines.encode("utf-8", "replace")
    if not is_plain:
        body = binascii.b2a_qp(body, istext=True, header=False)
    body = body.replace(b"\n", b"\r\n")
    return (
        f'Content-Type: {content_type}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: {'7bit' if is_plain else 'quoted-printable'}"
        "\r\n\r\n"
    ).encode() + body


def _file(attachment: Attachment) -> bytes:
    part = Message()
    part["Content-Type"] = attachment.content_type
    part["Content-Transfer-Encoding"] = "base64"
    part.add_header("Content-Disposition", "attachment", filename=attachment.filename)
    head = part.as_bytes().replace(b"\n", b"\r\n")
    return head + base64.encodebytes(attachment.content).replace(b"\n", b"\r\n")


def _multipart(kind: str, boundary: str, parts: list[bytes]) -> bytes:
    mark = boundary.encode()
    opened = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'
    return head.encode() + opened + b"--" + mark + b"--\r\n"
