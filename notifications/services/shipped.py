"""The product's own words, as an owner would have written them."""

import html
import re
from dataclasses import dataclass
from functools import cache

from . import layouts, mail_frame
from .layouts import FALLBACK_LANGUAGE, NoTemplate

_ROW = re.compile(
    r'<tr><td class="label">(.*?)</td><td class="(value[a-z ]*)"[^>]*>(.*?)</td></tr>',
    re.DOTALL,
)
_HREF = re.compile(r'href="([^"]*)"')
_WORDS = re.compile(r'<div class="words" dir="auto">(.*?)</div>', re.DOTALL)
_BOLD = re.compile(r"</?(?:strong|b)>")
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True, slots=True)
class Words:
    """What people write of one message on one channel.

    `body`: of a mail, in the language of `markup`. `text`: of an SMS; of a mail an own
    plain text part, empty where it is made of `body`.
    """

    subject: str = ""
    body: str = ""
    text: str = ""

    def as_kept(self) -> "Words":
        """With line ends and ends as they are kept, to compare what was typed."""
        return Words(*map(_tidy, (self.subject, self.body, self.text)))


@cache
def words(kind: str, channel: str, language: str) -> Words:
    """As the product ships them; raises NoTemplate where it has none."""
    if channel != "email":
        return Words(text=_read(kind, language, channel))
    return Words(subject=_read(kind, language, "subject"), body=_body(kind, language))


def _tidy(value: str) -> str:
    return value.replace("\r\n", "\n").strip()


def _read(kind: str, language: str, suffix: str) -> str:
    for name in (language, FALLBACK_LANGUAGE):
        path = layouts.folder() / kind / f"{name}.{suffix}"
        if name.replace("-", "").isalnum() and path.is_file():
            return path.read_text(encoding="utf-8").strip()
    raise NoTemplate(f"{kind} has no {suffix} template")


def _body(kind: str, language: str) -> str:
    paragraphs: list[str] = []
    only_with = ""
    for name, inner in mail_frame.elements(kind, language):
        if name.startswith("raw"):
            mark = inner.strip()
            only_with = mark[2:-1] if mark.startswith("{?") else ""
        else:
            made = _paragraph(name, inner)
            is_lone = made == f"{{{only_with}}}"
            if only_with and not is_lone:
                made = f"{{?{only_with}}}{made}{{/{only_with}}}"
            paragraphs.append(made)
    return "\n\n".join(paragraphs)


def _paragraph(name: str, inner: str) -> str:
    if name.startswith("table"):
        return "\n".join(
            f"{_plain(label)} | "
            + (f"**{_plain(value)}**" if "sum" in kind else _plain(value))
            for label, kind, value in _ROW.findall(inner)
        )
    if name.startswith("button"):
        target = _HREF.search(name)
        return f"[{_plain(inner)}]({target[1] if target else '{link_url}'})"
    return _plain(inner)


def _plain(inner: str) -> str:
    text = _WORDS.sub(r"\n\1", inner)
    text = re.sub(r"<br ?/?>", "\n", text)
    text = _TAG.sub("", _BOLD.sub("**", text))
    return html.unescape(text).strip()
