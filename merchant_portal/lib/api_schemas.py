"""What every resource of the API shares: input that is strict, money, dates, pages."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from django.db.models import Model, QuerySet
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from .money import Money
from .problems import invalid, not_found

MAX_PAGE = 100
DEFAULT_PAGE = 50
_PUBLIC_ID = r"^[a-z]{3}_[0-9A-Za-z]{20}$"
_DATE = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_WHOLE = re.compile(r"\A[0-9]{1,6}\Z")

M = TypeVar("M", bound=Model)


class Input(BaseModel):
    """A body: no unknown names, no conversion from one type to another."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NullIsLeftOut(Input):
    """A body in which null says the same as leaving an optional name out."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        optional = {
            name for name, field in cls.model_fields.items() if not field.is_required()
        }
        return {
            name: said
            for name, said in value.items()
            if said is not None or name not in optional
        }


class MoneyOut(BaseModel):
    """An amount in minor units (cents) of an ISO 4217 currency."""

    amount_minor: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> "MoneyOut":
        return cls(amount_minor=money.amount_minor, currency=money.currency)


def _date(value: Any) -> Any:
    if isinstance(value, str) and _DATE.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError as exc:
            raise ValueError("There is no such day.") from exc
    if value is None or isinstance(value, date):
        return value
    raise ValueError("Write the day as YYYY-MM-DD.")


def _moment(value: Any) -> Any:
    if isinstance(value, str) and _MOMENT.match(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise ValueError("There is no such moment.") from exc
    if value is None or isinstance(value, datetime):
        return value
    raise ValueError("Write the moment with its offset, like 2026-12-31T18:00:00Z.")


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        if not _WHOLE.match(value):
            raise ValueError("Write a whole number with digits.")
        return int(value)
    return value


def _known_form(value: str) -> str:
    if not re.fullmatch(_PUBLIC_ID, value, re.ASCII):
        raise not_found()
    return value


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """A check that names the values that are known."""

    def check(value: str) -> str:
        if value and value not in choices:
            raise ValueError(f"Known are: {', '.join(choices)}.")
        return value

    return check


DayIn = Annotated[
    date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})
]
MomentIn = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
PublicId = Annotated[str, Field(pattern=_PUBLIC_ID)]
PathId = Annotated[str, AfterValidator(_known_form)]
"""In a path: what is no id of ours is unknown (404), not malformed (422)."""


class PageQuery(BaseModel):
    """`cursor`: the `next` of the page before; `limit`: 1 to 100 items."""

    cursor: PublicId | None = None
    limit: Annotated[
        int,
        BeforeValidator(_whole),
        Field(ge=1, le=MAX_PAGE),
    ] = DEFAULT_PAGE


def page(rows: QuerySet[M], query: PageQuery) -> tuple[list[M], str | None]:
    """One page of `rows`, newest first, and the cursor of the next or None.

    Pages by key, so the hundredth page costs what the first does and nothing is
    shown twice when rows are added in between.
    """
    if query.cursor is not None:
        last = (
            rows.model._default_manager.filter(public_id=query.cursor)
            .values_list("pk", flat=True)
            .first()
        )
        if last is None:
            raise invalid("This cursor is not known.", parameter="cursor")
        rows = rows.filter(pk__lt=last)
    found = list(rows.order_by("-pk")[: query.limit + 1])
    if len(found) <= query.limit:
        return found, None
    found = found[: query.limit]
    return found, str(getattr(found[-1], "public_id"))  # noqa: B009 - any model of ours
