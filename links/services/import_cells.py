"""The cells of one row of a file, read strictly; each refusal names its column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from django.utils.translation import gettext as _

from customers.services import importing
from customers.services.customers import CustomerData
from customers.services.importing import Person
from merchant_portal.business import choices
from merchant_portal.business.models import Business
from merchant_portal.lib.money import Money, MoneyError, parse_amount, parse_currency
from merchant_portal.lib.tables import values
from merchant_portal.lib.tables.values import Days, Style

from ..models import LineItem
from ..providers.registry import PROVIDERS, get_provider
from . import accounts, amounts, links, offers, words
from .amounts import LineData, Totals
from .errors import LinkError
from .import_fields import CUSTOMER, Setup

T = TypeVar("T")
DESCRIPTION_LENGTH = LineItem._meta.get_field("description").max_length or 800
REFERENCE_LENGTH = 100
MOST_DAYS = 1_000
# that are kept once read: files have few
_MAY_BE_EMPTY = {"reference", "due_on", "note", "providers", "quantity", "tax"}
_OF_LINE = {
    "description": "description",
    "quantity": "quantity",
    "unit_amount": "amount",
    "tax": "tax",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """`column`: the field that it is about, empty for the row as a whole."""

    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The link that a row asks for."""

    reference: str
    currency: str
    totals: Totals
    due_on: date | None
    note: str
    providers: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Row:
    """One row of the file. Good while `problems` is empty.

    `customer`: primary key, negative for one to come, None for none. `same_as`: the row
    before that says the very same, 0 for none.
    """

    number: int
    wanted: Wanted | None = None
    person: Person | None = None
    customer: int | None = None
    same_as: int = 0
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, column: str, message: str) -> None:
        self.problems.append(Problem(column, message))


class Cells:
    """Reads rows as `setup` says; one for all rows of a file."""

    def __init__(self, setup: Setup, business: Business, now: datetime) -> None:
        self._setup = setup
        self._columns = dict(setup.columns)
        self._currency = setup.currency or business.currency
        self._taxed = business.prices_include_tax
        self._now = now
        self._ways = offers.ways(None)
        self._style = setup.style or Style.PLAIN
        self._days = setup.days or Days.ISO
        self._has_customer = any(name in self._columns for name in CUSTOMER)
        self._known_days: dict[str, date] = {}
        self._titles = {way.title.lower(): way.slug for way in self._ways}

    def texts(self, cells: Sequence[str]) -> dict[str, str]:
        """Field → what stands in its column; empty where the row is shorter."""
        width = len(cells)
        return {
            name: cells[place] if place < width else ""
            for name, place in self._columns.items()
        }

    def read(self, number: int, texts: dict[str, str]) -> Row:
        row = Row(number)
        row.person = self._person(row, texts) if self._has_customer else None
        row.wanted = self._wanted(row, texts)
        return row

    def _person(self, row: Row, texts: dict[str, str]) -> Person | None:
        said = {name: texts.get(name, "") for name in CUSTOMER}
        if not any(said.values()):
            return None
        if not said["name"]:
            # Who writes only an address is known by it until somebody names them.
            said["name"] = said["email"] or said["phone"] or said["external_ref"]
        said["language"] = said["language"].lower()
        if said["language"] and not choices.is_language(said["language"]):
            row.refuse("language", _("Write the language as two letters, like en."))
            said["language"] = ""
        person, problems = importing.read(
            CustomerData(source=self._setup.source, **said)
        )
        for problem in problems:
            row.refuse(problem.field, str(problem))
        return person

    def _wanted(self, row: Row, texts: dict[str, str]) -> Wanted | None:
        before = len(row.problems)
        currency = self._read(row, "currency", texts, self._currency_of, "")
        totals = self._totals(row, texts, currency) if currency else None
        wanted = Wanted(
            reference=self._read(row, "reference", texts, _reference, ""),
            currency=currency,
            totals=totals or Totals((), 0, 0),
            due_on=self._read(row, "due_on", texts, self._day, None),
            note=self._read(row, "note", texts, links.clean_note, ""),
            providers=self._read(row, "providers", texts, self._providers, ()),
        )
        if totals is None or len(row.problems) > before:
            return None
        try:
            self._check_offers(wanted.providers, Money(totals.amount_minor, currency))
        except LinkError as exc:
            row.refuse("providers" if wanted.providers else "amount", exc.message)
            return None
        return wanted

    def _check_offers(self, providers: tuple[str, ...], amount: Money) -> None:
        """As `offers.check`, at once where the first way that there is takes it."""
        if not providers and self._ways:
            first = self._ways[0]
            capabilities = get_provider(first.slug).capabilities
            if not first.hindrance and accounts.takes(capabilities, amount):
                return
        offers.check(providers, amount, self._ways)

    @staticmethod
    def _read(
        row: Row, name: str, texts: dict[str, str], read: Callable[[str], T], blank: T
    ) -> T:
        """What a cell says, or `blank` with the row refused; blank for an empty one."""
        text = texts.get(name, "")
        if not text and name in _MAY_BE_EMPTY:
            return blank
        try:
            return read(text)
        except (LinkError, MoneyError) as exc:
            row.refuse(name, str(exc))
            return blank

    def _currency_of(self, text: str) -> str:
        return parse_currency(text) if text else self._currency

    def _totals(self, row: Row, texts: dict[str, str], currency: str) -> Totals | None:
        before = len(row.problems)
        line = LineData(
            texts.get("description", "") or self._setup.description,
            self._read(
                row, "amount", texts, lambda text: self._amount(text, currency), 1
            ),
            self._read(row, "quantity", texts, self._quantity, 1000),
            tax_bp=self._read(row, "tax", texts, self._tax, 0),
        )
        try:
            found = amounts.totals(
                [line], prices_include_tax=self._taxed, currency=currency
            )
        except LinkError as exc:
            _where, _dot, name = exc.field.rpartition(".")
            row.refuse(_OF_LINE.get(name, "amount"), exc.message)
            return None
        return found if len(row.problems) == before else None

    def _amount(self, text: str, currency: str) -> int:
        if not text:
            raise LinkError(_("Write an amount."), "amount")
        return parse_amount(self._number(text), currency).amount_minor

    def _number(self, text: str) -> str:
        try:
            return values.number(text, self._style)
        except ValueError as exc:
            raise LinkError(
                _("Amounts are read like %s here.") % self._style.value
            ) from exc

    def _quantity(self, text: str) -> int:
        return self._scaled(text, 3)

    def _tax(self, text: str) -> int:
        return self._scaled(text.removesuffix("%").rstrip(), 2)

    def _scaled(self, text: str, places: int) -> int:
        """Thousandths, hundredths; LinkError for more places than that."""
        whole, _point, fraction = self._number(text).partition(".")
        if len(fraction) > places or len(whole) > 9:
            raise LinkError(_("Write at most %d digits behind the point.") % places)
        return int(whole + fraction.ljust(places, "0"))

    def _day(self, text: str) -> date:
        if (known := self._known_days.get(text)) is not None:
            return known
        try:
            found = values.day(text, self._days)
        except ValueError as exc:
            raise LinkError(
                _("Days are read like %s here.") % self._days.value
            ) from exc
        links.check_terms(found, None, self._now)
        if len(self._known_days) < MOST_DAYS:
            self._known_days[text] = found
        return found

    def _providers(self, text: str) -> tuple[str, ...]:
        named = [name.strip().lower() for name in text.replace(";", ",").split(",")]
        slugs = (self._titles.get(name, name) for name in named if name)
        found = tuple(dict.fromkeys(slugs))
        if set(found) - PROVIDERS.keys():
            raise LinkError(
                _("Known ways to pay are: %s.") % ", ".join(sorted(PROVIDERS))
            )
        return found


def _reference(text: str) -> str:
    """An id of another system: one run of digits may be as long as a card number."""
    if text.isascii() and text.isalnum() and len(text) <= REFERENCE_LENGTH:
        return text
    return words.clean_line(text, "reference", max_length=REFERENCE_LENGTH)
