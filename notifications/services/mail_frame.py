"""An owner's words in the frame of our mails: MJML is made of ours alone.

The frame is the product's own mail of that kind and language, its words taken out.
Marks stand in their place while MJML is compiled, and what the owner wrote, escaped,
replaces the marks in the HTML: it never passes through a compiler or template engine.
"""

import re
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings

from . import layouts, mail_compiler, markup
from .layouts import FALLBACK_LANGUAGE, NoTemplate
from .markup import Block

_COLUMN = re.compile(
    r"(<mj-section[^>]*css-class=\"card\"[^>]*>\s*<mj-column>)(.*?)(</mj-column>)",
    re.DOTALL,
)
_ELEMENT = re.compile(r"<mj-(text|raw|table|button)\b([^>]*)>(.*?)</mj-\1>", re.DOTALL)
_LONE_LINE = re.compile(r"(?:(?<=<br />)|^)(\{[a-z][a-z0-9_]*\})(?=<br />|$)")
# Its value may have several lines.
_MARK = re.compile(r"mpmark([0-9]+)end")
_WHOLE_ADDRESS = '<br /><span class="plain">'
_WIDE = "\N{FULLWIDTH COLON}"
_COLONS = {"fr": " : ", "ja": _WIDE, "zh-hans": _WIDE}
ADDRESS_OF = "invitation"
# the kind whose mails say, in every language, what to do where the button fails


@dataclass(slots=True)
class _Marks:
    """What each mark of one mail stands for."""

    html: list[str] = field(default_factory=list)

    def of(self, made: str) -> str:
        self.html.append(made)
        return f"mpmark{len(self.html) - 1}end"

    def replaced(self, text: str) -> str:
        """Once: a mark that somebody typed is plain text."""
        return _MARK.sub(lambda match: self.html[int(match[1])], text)


def source(kind: str, language: str) -> str:
    """The product's own MJML of that kind, in English where there is none.

    Raises NoTemplate.
    """
    for name in (language, FALLBACK_LANGUAGE):
        path = layouts.folder() / kind / f"{name}.mjml"
        if name.replace("-", "").isalnum() and path.is_file():
            return path.read_text(encoding="utf-8")
    raise NoTemplate(f"{kind} has no email template")


def html_of(kind: str, language: str, body: str) -> str:
    """The HTML of a mail with these words, its placeholders unfilled."""
    whole, marks = source(kind, language), _Marks()
    is_rtl = language in settings.LANGUAGES_BIDI
    column = "\n".join(
        _element(block, marks, language, is_rtl=is_rtl)
        for block in markup.blocks_of(body)
    )
    framed = _COLUMN.sub(lambda match: match[1] + column + match[3], whole, count=1)
    return marks.replaced(mail_compiler.compiled_text(framed))


def _element(block: Block, marks: _Marks, language: str, *, is_rtl: bool) -> str:
    if block.kind == "button":
        made = _button(block, marks, language)
    elif block.kind == "table":
        end: markup.Align = "left" if is_rtl else "right"
        rows = marks.of(markup.table_html(block, end=end))
        made = f"<mj-table>{rows}</mj-table>"
    else:
        words = markup.html_of(block.text)
        if block.only_with and block.text == f"{{{block.only_with}}}":
            words = f'<div class="words" dir="auto">{words}</div>'
        else:
            words = _LONE_LINE.sub(r'<span class="words" dir="auto">\1</span>', words)
        made = f"<mj-text>{marks.of(words)}</mj-text>"
    if not block.only_with:
        return made
    name = block.only_with
    return f"<mj-raw>{{?{name}}}</mj-raw>\n{made}\n<mj-raw>{{/{name}}}</mj-raw>"


def _button(block: Block, marks: _Marks, language: str) -> str:
    words = marks.of(markup.html_of(block.text))
    address = (
        f'{if_button_fails(language)}<br /><span class="plain">'
        f'<a href="{block.target}" style="color:#1d4ed8">{block.target}</a></span>'
    )
    return (
        f'<mj-button href="{block.target}" width="100%">{words}</mj-button>\n'
        f'<mj-text font-size="13px" color="#6b7280">{address}</mj-text>'
    )


@cache
def if_button_fails(language: str) -> str:
    """`If the button does not work, copy this address into your browser:`"""
    column = _COLUMN.search(source(ADDRESS_OF, language))
    for _tag, _attributes, inner in _ELEMENT.findall(column[2] if column else ""):
        if _WHOLE_ADDRESS in inner:
            return str(inner.partition(_WHOLE_ADDRESS)[0])
    return ""


def elements(kind: str, language: str) -> list[tuple[str, str]]:
    """Name and inside of what the product's own mail says, without the note that
    repeats the button's address."""
    column = _COLUMN.search(source(kind, language))
    found = _ELEMENT.findall(column[2] if column else "")
    return [
        (f"{tag} {attributes}", inner)
        for tag, attributes, inner in found
        if _WHOLE_ADDRESS not in inner
    ]


def text_of(kind: str, language: str, body: str) -> str:
    """The plain text part of a mail with these words, and our foot below it."""
    words = markup.text_of(body, colon=_COLONS.get(language, ": "))
    return f"{words}\n\n{foot(kind, language)}".strip()


def foot(kind: str, language: str) -> str:
    """Who writes and why, as the product's own plain text ends; may be empty."""
    for name in (language, FALLBACK_LANGUAGE):
        path = layouts.folder() / kind / f"{name}.txt"
        if name.replace("-", "").isalnum() and path.is_file():
            _words, mark, end = path.read_text(encoding="utf-8").rpartition("\n-- \n")
            return f"-- \n{end.strip()}" if mark else ""
    return ""
