"""Text with holes: `{name}` from an allow-list, filled exactly once.

No template language: `{{ x }}`, `{% x %}`, `{0.y}` and `${x}` are plain text. A value
goes in as it is and is never looked at again. `{?name}…{/name}` keeps its middle only
where that value is not empty.

Three names are filled late, when a message is sent or shown, because what fills them is
secret and must not be stored: see LATE.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

LATE = ("link_url", "link_path", "unsubscribe_url")
_HOLE = re.compile(r"(?<![{$])\{([?/]?)([a-z][a-z0-9_]*)\}(?!\})")
_LATE_NAMES = "|".join(LATE)
_LATE_NAME = re.compile(rf"\{{((?:literal:)*)({_LATE_NAMES})\}}")


class PlaceholderError(ValueError):
    """A text uses a name it may not, or a value is missing; the message says which."""


@dataclass(frozen=True, slots=True)
class Section:
    """Parts that stand only where the value called `name` is not empty."""

    name: str
    parts: "Parts"


@dataclass(frozen=True, slots=True)
class Hole:
    name: str


Part = str | Hole | Section
Parts = tuple[Part, ...]


def compile_text(text: str) -> Parts:
    """Split once into literals, holes and sections, so that filling is a join."""
    tokens = _tokens(text)
    return _collect(tokens, closing="")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of a mark (`=` literal, ` ` hole, `?` opens, `/` closes) and its text."""
    end = 0
    for match in _HOLE.finditer(text):
        if match.start() > end:
            yield "=", _protect(text[end : match.start()])
        yield match[1] or " ", match[2]
        end = match.end()
    if end < len(text):
        yield "=", _protect(text[end:])


def _collect(tokens: Iterator[tuple[str, str]], closing: str) -> Parts:
    parts: list[Part] = []
    for mark, value in tokens:
        if mark == "=":
            parts.append(value)
        elif mark == " ":
            parts.append(Hole(value))
        elif mark == "?":
            parts.append(Section(value, _collect(tokens, closing=value)))
        elif value == closing:
            return tuple(parts)
        else:
            raise PlaceholderError(f"{{/{value}}} closes what was not opened.")
    if closing:
        raise PlaceholderError(f"{{?{closing}}} is not closed.")
    return tuple(parts)


def names(parts: Parts) -> set[str]:
    """Every name that the text uses."""
    found: set[str] = set()
    for part in parts:
        if isinstance(part, Hole):
            found.add(part.name)
        elif isinstance(part, Section):
            found |= {part.name} | names(part.parts)
    return found


def in_order(text: str) -> list[str]:
    """The names that stand for a value, as they come; none of those that open or close."""
    return [match[2] for match in _HOLE.finditer(text) if not match[1]]


def check(
    text: str, allowed: frozenset[str], required: frozenset[str] = frozenset()
) -> None:
    """Raise PlaceholderError when a name is unknown or a required one is missing."""
    used = names(compile_text(text))
    unknown = sorted(used - allowed)
    if unknown:
        raise PlaceholderError(f"Unknown placeholder: {{{unknown[0]}}}")
    missing = sorted(required - used)
    if missing:
        raise PlaceholderError(f"The placeholder {{{missing[0]}}} is missing.")


def fill(parts: Parts, values: Mapping[str, str], *, as_html: bool = False) -> str:
    """The text with its values in; late names stay as they are.

    Raises PlaceholderError when a value is missing.
    """
    escape: Callable[[str], str] = html.escape if as_html else str
    filled: list[str] = []
    _fill(filled, parts, values, escape)
    return "".join(filled)


def _fill(
    filled: list[str],
    parts: Parts,
    values: Mapping[str, str],
    escape: Callable[[str], str],
) -> None:
    for part in parts:
        if isinstance(part, str):
            filled.append(part)
        elif isinstance(part, Hole) and part.name in LATE:
            filled.append(f"{{{part.name}}}")
        elif part.name not in values:
            raise PlaceholderError(f"No value for {{{part.name}}}")
        elif isinstance(part, Hole):
            filled.append(escape(_protect(values[part.name])))
        elif values[part.name].strip():
            _fill(filled, part.parts, values, escape)


def protected(text: str) -> str:
    """As it is stored: a late name that is plain text stays plain text."""
    return _protect(text)


def _protect(text: str) -> str:
    """Mark late names that are plain text, so that filling late leaves them alone."""
    return _LATE_NAME.sub(r"{literal:\1\2}", text) if "{" in text else text


def _path(url: str) -> str:
    """What follows our own address, for buttons that hold that address already."""
    return urlsplit(url).path.removeprefix("/")


def fill_late(text: str, urls: Mapping[str, str], *, as_html: bool = False) -> str:
    """The stored text with its secret addresses in, for sending or showing.

    Raises PlaceholderError when the text needs an address that is not given.
    """

    def address(match: re.Match[str]) -> str:
        literal, name = match[1], match[2]
        if literal:
            return f"{{{literal.removeprefix('literal:')}{name}}}"
        url = _path(urls.get("link_url", "")) if name == "link_path" else urls.get(name)
        if not url:
            raise PlaceholderError(f"No address for {{{name}}}")
        return html.escape(url) if as_html else url

    return _LATE_NAME.sub(address, text)


def fill_some(text: str, urls: Mapping[str, str], *, as_html: bool = False) -> str:
    """As `fill_late`, for a text that stays stored: other late names stay as they are."""

    def address(match: re.Match[str]) -> str:
        url = "" if match[1] else urls.get(match[2], "")
        if not url:
            return match[0]
        return html.escape(url) if as_html else url

    return _LATE_NAME.sub(address, text)
