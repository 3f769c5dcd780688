"""The little language in which owners write mails: paragraphs, and four signs.

A blank line ends a paragraph. `**bold**`; `[words](https://…)`; lines of `Label | value`
are a table whose empty rows do not show; a paragraph that is only
`[words]({link_url})` is the button, and one that is only a placeholder, or stands whole
inside `{?name}…{/name}`, shows where there is something to say.

Nothing else is syntax. Whatever is typed is escaped here, and the only tags are those
that this module writes.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from . import placeholders
from .placeholders import PlaceholderError

Align = Literal["left", "right"]
_BETWEEN = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_ROW = re.compile(r"[ \t]*([^|\n]*[^|\s])[ \t]+\|[ \t]+([^|\s][^|\n]*)")
_SIGN = re.compile(
    r"\*\*(?P<bold>[^*\n]+)\*\*|\[(?P<words>[^\[\]\n]+)\]\((?P<to>[^()\s]+)\)"
)
_LINK_ONLY = re.compile(r"\[([^\[\]\n]+)\]\(([^()\s]+)\)")
_OURS = re.compile(r"\{link_url\}(?:[a-z]+/)*")
_OPTIONAL = re.compile(r"\{\?([a-z][a-z0-9_]*)\}(.*)\{/\1\}", re.DOTALL)
_LONE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_ADDRESS = re.compile(r"[A-Za-z0-9:/?#@!$&'*+,;=%._~-]+")
# what may stand in an address; no braces, quotes, spaces or angles
SCHEMES = ("https", "http", "mailto", "tel")


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    value: str

    @property
    def name(self) -> str:
        """The first placeholder of the value: without it the row does not show."""
        found = placeholders.in_order(self.value)
        return found[0] if found else ""

    @property
    def is_sum(self) -> bool:
        """The whole value is bold: it stands out."""
        match = _SIGN.fullmatch(self.value)
        return match is not None and match["bold"] is not None


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph of the mail. `only_with`: a placeholder that must not be empty."""

    kind: Literal["words", "table", "button"]
    text: str = ""
    rows: tuple[Row, ...] = ()
    target: str = ""
    only_with: str = ""


def blocks_of(body: str) -> list[Block]:
    """The paragraphs of a body, in order."""
    return [_block(piece) for piece in pieces_of(body)]


def pieces_of(body: str) -> list[str]:
    """The paragraphs as they were typed."""
    whole = body.strip()
    return _BETWEEN.split(whole) if whole else []


def _block(piece: str) -> Block:
    text = piece.strip()
    lone = _LONE.fullmatch(text)
    if lone and lone[1] not in placeholders.LATE:
        return Block("words", text, only_with=lone[1])
    optional = _OPTIONAL.fullmatch(text)
    if optional and is_balanced(optional[2]) and optional[2].strip():
        return _plain_block(optional[2].strip(), only_with=optional[1])
    return _plain_block(text)


def _plain_block(text: str, only_with: str = "") -> Block:
    button = _LINK_ONLY.fullmatch(text)
    if button and _OURS.fullmatch(button[2]) and is_balanced(button[1]):
        return Block("button", button[1], target=button[2], only_with=only_with)
    lines = [_ROW.fullmatch(line) for line in text.split("\n")]
    rows = [Row(line[1], line[2].rstrip()) for line in lines if line]
    if len(rows) == len(lines) and all(
        is_balanced(row.label) and is_balanced(row.value) for row in rows
    ):
        return Block("table", rows=tuple(rows), only_with=only_with)
    return Block("words", text, only_with=only_with)


def is_balanced(text: str) -> bool:
    """Whether every section that it opens is closed in it, and none other."""
    try:
        placeholders.compile_text(text)
    except PlaceholderError:
        return False
    return True


def links_of(text: str) -> list[str]:
    """The addresses that the text's links lead to, good or not."""
    return [match["to"] for match in _SIGN.finditer(text) if match["to"]]


def is_address(target: str) -> bool:
    """Whether a link may lead there at all: ours, or of one of SCHEMES."""
    if _OURS.fullmatch(target):
        return True
    if not _ADDRESS.fullmatch(target):
        return False
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    if parts.scheme.lower() not in SCHEMES:
        return False
    return bool(parts.netloc if parts.scheme.lower().startswith("http") else parts.path)


# -- as HTML -----------------------------------------------------------------------


def html_of(text: str) -> str:
    """One paragraph: escaped, its signs as `<strong>`, `<a href>` and `<br>`."""
    return _signs(text, _bold_html, _link_html, _escaped)


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br />")


def _bold_html(words: str) -> str:
    return f"<strong>{html_of(words)}</strong>"


def _link_html(words: str, target: str) -> str:
    return f'<a href="{html.escape(target)}" style="color:#1d4ed8">{html_of(words)}</a>'


def table_html(block: Block, *, end: Align) -> str:
    """Rows of a table; `end`: where a line ends in that language."""
    rows = []
    for row in block.rows:
        name = "value sum" if row.is_sum else "value"
        value = html_of(row.value[2:-2] if row.is_sum else row.value)
        line = (
            f'<tr><td class="label">{html_of(row.label)}</td>'
            f'<td class="{name}" align="{end}"><bdi>{value}</bdi></td></tr>'
        )
        rows.append(only_with(row.name, line))
    return "\n".join(rows)


def only_with(name: str, text: str) -> str:
    return f"{{?{name}}}{text}{{/{name}}}" if name else text


# -- as plain text -----------------------------------------------------------------


def text_of(body: str, *, colon: str = ": ") -> str:
    """The same words as a plain text part. `colon`: between a label and its value."""
    return "\n\n".join(_text_block(block, colon) for block in blocks_of(body))


def _text_block(block: Block, colon: str) -> str:
    if block.kind == "button":
        words = f"{block.text}{colon.rstrip()}\n{block.target}"
        return only_with(block.only_with, words)
    if block.kind == "table":
        lines = "".join(
            only_with(row.name, f"{_plain(row.label)}{colon}{_plain(row.value)}\n")
            for row in block.rows
        )
        return only_with(block.only_with, lines)
    return only_with(block.only_with, _plain(block.text))


def _plain(text: str) -> str:
    return _signs(text, _plain, _link_text, str)


def _link_text(words: str, target: str) -> str:
    words = _plain(words)
    shown = target.removeprefix("mailto:").removeprefix("tel:")
    return shown if words.strip() == shown else f"{words} ({shown})"


def _signs(
    text: str,
    bold: Callable[[str], str],
    link: Callable[[str, str], str],
    rest: Callable[[str], str],
) -> str:
    """The text with its signs read; a sign around half a section is plain text."""
    made, end = [], 0
    for match in _SIGN.finditer(text):
        words = match["bold"] or match["words"]
        if not is_balanced(words) or (match["to"] and not is_address(match["to"])):
            continue
        made.append(rest(text[end : match.start()]))
        made.append(link(words, match["to"]) if match["to"] else bold(words))
        end = match.end()
    made.append(rest(text[end:]))
    return "".join(made)
