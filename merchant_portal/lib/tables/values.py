"""Amounts and days as people write them, read one chosen way and never guessed."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import TypeVar

from .problems import Typed

W = TypeVar("W", bound=StrEnum)


class Style(StrEnum):
    """How the numbers of a file are written; each value is its own example."""

    PLAIN = "1250.50"
    COMMAS = "1,250.50"
    POINTS = "1.250,50"


class Days(StrEnum):
    """How the days of a file are written."""

    ISO = "2026-12-31"
    DAY_FIRST = "31.12.2026"
    MONTH_FIRST = "12/31/2026"


_PLAIN = re.compile(r"\A[0-9]+(?:\.[0-9]+)?\Z")
_GROUPED = {
    Style.COMMAS: re.compile(r"\A[0-9]{1,3}(?:[,'\u2019][0-9]{3})*(?:\.[0-9]+)?\Z"),
    Style.POINTS: re.compile(
        r"\A[0-9]{1,3}(?:[. \u00a0\u202f][0-9]{3})*(?:,[0-9]+)?\Z"
    ),
}
_UNGROUPED = {Style.COMMAS: _PLAIN, Style.POINTS: re.compile(r"\A[0-9]+(?:,[0-9]+)?\Z")}
_ISO = re.compile(r"\A([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_WRITTEN = re.compile(r"\A([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})\Z")


def number(text: str, style: Style) -> str:
    """Digits with at most a point, or ValueError where `text` is not written so.

    Digits of other scripts, signs, exponents and currency signs are written no way.
    """
    written = text.strip(" ")
    if isinstance(text, Typed) or style is Style.PLAIN:
        if _PLAIN.match(written):
            return written
        raise ValueError(text)
    if not (_GROUPED[style].match(written) or _UNGROUPED[style].match(written)):
        raise ValueError(text)
    if style is Style.COMMAS:
        return re.sub("[,'\u2019]", "", written)
    return re.sub("[. \u00a0\u202f]", "", written).replace(",", ".")


def day(text: str, days: Days) -> date:
    """ValueError where `text` is not written so, or no calendar holds the day."""
    written = text.strip(" ")
    if isinstance(text, Typed) or days is Days.ISO:
        match = _ISO.match(written)
        if match is None:
            raise ValueError(text)
        return date(int(match[1]), int(match[2]), int(match[3]))
    match = _WRITTEN.match(written)
    if match is None:
        raise ValueError(text)
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if days is Days.DAY_FIRST:
        return date(year, second, first)
    return date(year, first, second)


def style_of(samples: Iterable[str]) -> Style | None:
    """How these are written; None where they can be read in ways that differ: then a
    person must say. What can be read in no way says nothing."""
    return _only(list(Style), samples, number)


def days_of(samples: Iterable[str]) -> Days | None:
    """As `style_of`, for days."""
    return _only(list(Days), samples, day)


def _only(
    ways: Sequence[W], samples: Iterable[str], read: Callable[[str, W], object]
) -> W | None:
    written = [text for text in samples if text and not isinstance(text, Typed)]
    meanings = [[_meant(text, way, read) for way in ways] for text in written]
    legible = [each for each in meanings if any(value is not None for value in each)]
    if written and not legible:
        return None
    by_way = list(zip(*legible, strict=True)) or [() for _way in ways]
    whole = [
        (way, values)
        for way, values in zip(ways, by_way, strict=True)
        if None not in values
    ]
    if not whole or any(values != whole[0][1] for _way, values in whole):
        return None
    return whole[0][0]


def _meant(text: str, way: W, read: Callable[[str, W], object]) -> object | None:
    try:
        return read(text, way)
    except ValueError:
        return None
