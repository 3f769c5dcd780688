"""The terms of a link over the API: who says the amount, in how many parts, how often."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from merchant_portal.lib.api_schemas import NullIsLeftOut, one_of
from merchant_portal.lib.money import MAX_MINOR

from ..models import AmountKind, LineItem, PaymentLink
from ..services.terms import MAX_PRESETS, MAX_TIPS, MAX_USES, Terms

Minor = Annotated[int, Field(ge=0, le=MAX_MINOR)]
MAX_PIECES = 1_000_000


class RangeIn(NullIsLeftOut):
    """Between how many whole pieces the customer may choose."""

    minimum: Annotated[int, Field(ge=1, le=MAX_PIECES)]
    maximum: Annotated[int, Field(ge=1, le=MAX_PIECES)]


class RangeOut(BaseModel):
    minimum: int
    maximum: int

    @classmethod
    def of(cls, line: LineItem) -> "RangeOut | None":
        if not line.quantity_max:
            return None
        return cls(minimum=line.quantity_min, maximum=line.quantity_max)


class TermsIn(NullIsLeftOut):
    """`kind`: fixed; chosen (one line without a price; `minimum_minor`,
    `maximum_minor`, `presets_minor`); quantity (lines with a `quantity_range`); parts
    (at least `minimum_minor` each); deposit (`deposit_minor` first).

    `tips_bp`: tips to offer, in hundredths of a percent. `use_limit`: how often a
    reusable link may be paid; left out, any number.
    """

    kind: Annotated[str, AfterValidator(one_of(AmountKind.values))] = AmountKind.FIXED
    minimum_minor: Minor = 0
    maximum_minor: Minor = 0
    presets_minor: Annotated[list[Minor], Field(max_length=MAX_PRESETS)] = Field(
        default_factory=list
    )
    deposit_minor: Minor = 0
    tips_bp: Annotated[
        list[Annotated[int, Field(ge=1, le=10_000)]], Field(max_length=MAX_TIPS)
    ] = Field(default_factory=list)
    reusable: bool = False
    use_limit: Annotated[int, Field(ge=1, le=MAX_USES)] | None = None
    inactive_message: Annotated[str, Field(max_length=500)] = ""

    def terms(self) -> Terms:
        return Terms(
            kind=self.kind,
            minimum_minor=self.minimum_minor,
            maximum_minor=self.maximum_minor,
            presets_minor=tuple(self.presets_minor),
            deposit_minor=self.deposit_minor,
            tips_bp=tuple(self.tips_bp),
            is_reusable=self.reusable,
            use_limit=self.use_limit,
            inactive_message=self.inactive_message,
        )


class TermsOut(BaseModel):
    """As in the request; `uses`: how often a reusable link was paid."""

    kind: str
    minimum_minor: int
    maximum_minor: int
    presets_minor: list[int]
    deposit_minor: int
    tips_bp: list[int]
    reusable: bool
    use_limit: int | None
    uses: int
    inactive_message: str

    @classmethod
    def of(cls, link: PaymentLink) -> "TermsOut":
        return cls(
            kind=link.amount_kind,
            minimum_minor=link.minimum_minor,
            maximum_minor=link.maximum_minor,
            presets_minor=link.presets_minor,
            deposit_minor=link.deposit_minor,
            tips_bp=link.tips_bp,
            reusable=link.is_reusable,
            use_limit=link.use_limit,
            uses=link.uses,
            inactive_message=link.inactive_message,
        )
