"""The fields of the create screen: as typed, what is wrong with them, what they mean."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import TypeVar

from django.http import QueryDict
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services.customers import CustomerData
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, ids
from merchant_portal.lib.money import Money, MoneyError, parse_currency
from merchant_portal.staff.models import User

from ..models import AmountKind, LineItem, PaymentLink
from ..services import amounts
from ..services.amounts import LineData, Totals
from ..services.errors import LinkError
from ..services.terms import Terms
from ..services.totals import business_day
from . import formats, outlook, picking, terms_form, typed, when

T = TypeVar("T")
BLANK_LINES = 3
# for who has no script; with it the spare ones are hidden and added one by one
LINE_FIELDS = (
    "description",
    "quantity",
    "unit_amount",
    "discount",
    "tax",
    "least",
    "most",
)
FIELDS = (
    "customer",
    "customer_query",
    "who",
    "new_name",
    "new_email",
    "new_phone",
    "new_language",
    "currency",
    "due_on",
    "expires_at",
    "note",
    "has_reminders",
    "providers_shown",
    "creation_key",
    *when.FIELDS,
    *terms_form.FIELDS,
)


@dataclass(slots=True)
class LineInput:
    """One row of the form; `total` is what it comes to, for people."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    total: str = ""

    @property
    def is_blank(self) -> bool:
        """Nothing of weight typed: a quantity or tax alone asks for nothing."""
        return not any(
            self.values.get(name, "").strip() for name in ("description", "unit_amount")
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a form without errors asks for."""

    customer: Customer | None
    new_customer: CustomerData | None
    currency: str
    lines: tuple[LineData, ...]
    totals: Totals
    due_on: date | None
    expires_at: datetime | None
    note: str
    has_reminders: bool
    channels: tuple[str, ...]
    creation_key: str
    terms: Terms
    providers: tuple[str, ...] = ()
    send_at: datetime | None = None  # None: now


@dataclass(slots=True)
class LinkForm:
    """Values as typed and errors by field; `check` turns them into what is wanted."""

    values: dict[str, str]
    lines: list[LineInput]
    channels: tuple[str, ...]
    business: Business
    customer: Customer | None = None
    providers: tuple[str, ...] = ()  # those ticked; empty: all, or none
    errors: dict[str, str] = field(default_factory=dict)
    net: str = ""
    tax: str = ""
    total: str = ""
    amount: Money | None = None

    @classmethod
    def blank(cls, business: Business, customer: Customer | None = None) -> "LinkForm":
        values = dict.fromkeys(FIELDS, "") | terms_form.BLANK | when.BLANK
        values |= {
            "who": picking.EXISTING,
            "currency": business.currency,
            "has_reminders": "on",
            "new_language": business.language,
            "creation_key": ids.new("frm"),
        }
        form = cls(values, _spare([]), ("email",), business)
        form.show_customer(customer)
        return form

    @classmethod
    def of_link(cls, link: PaymentLink, business: Business) -> "LinkForm":
        """Filled with what a link says, to correct it."""
        form = cls.blank(business, link.customer)
        if link.customer is None:
            form.values["who"] = picking.NOBODY
        zone = formats.business_zone()
        expires = link.expires_at.astimezone(zone) if link.expires_at else None
        form.values |= {
            "currency": link.currency,
            "due_on": link.due_on.isoformat() if link.due_on else "",
            "expires_at": f"{expires:%Y-%m-%dT%H:%M}" if expires else "",
            "note": link.note,
            "has_reminders": "on" if link.has_reminders else "",
            **terms_form.of_link(link),
        }
        form.channels = tuple(link.last_channels)
        form.providers = tuple(link.allowed_providers)
        form.lines = _spare([_of_item(item, link) for item in link.lines.all()])
        return form

    @classmethod
    def for_many(cls, link: PaymentLink, business: Business) -> "LinkForm":
        """What a link says, to be paid by whoever comes; nobody is named or reminded."""
        form = cls.of_link(link, business)
        form.customer, form.channels = None, ()
        form.values |= {"who": picking.NOBODY, "customer": "", "customer_query": ""}
        form.values |= {"reusable": "on", "has_reminders": ""}
        form.values |= {"due_on": "", "expires_at": "", "note": ""}
        if link.amount_kind in (AmountKind.PARTS, AmountKind.DEPOSIT):
            form.values["amount_kind"] = AmountKind.FIXED
        return form

    @classmethod
    def again(cls, link: PaymentLink, business: Business) -> "LinkForm":
        """What a link says, asked once more today, with as many days to pay it."""
        form = cls.of_link(link, business)
        form.values["expires_at"] = ""
        if link.due_on:
            today = business_day(clock.now())
            began = business_day(link.activated_at or link.created_at)
            days = max(link.due_on - began, timedelta())
            form.values["due_on"] = (today + days).isoformat()
        form.channels = form.channels or cls.blank(business).channels
        return form

    @classmethod
    def posted(cls, data: QueryDict, business: Business) -> "LinkForm":
        values = {name: data.get(name, "") for name in FIELDS}
        columns = [data.getlist(f"line_{name}") for name in LINE_FIELDS]
        rows = [
            LineInput(dict(zip(LINE_FIELDS, row, strict=True)))
            for row in zip_longest(*columns, fillvalue="")
        ]
        return cls(
            values,
            rows[: amounts.MAX_LINES + 1] or _spare([]),
            tuple(data.getlist("channels")),
            business,
            providers=tuple(data.getlist("providers")),
        )

    def show_customer(self, customer: Customer | None) -> None:
        """Name the picked customer in the form."""
        self.customer = customer
        if customer is not None:
            self.values["customer"] = customer.public_id
            self.values["customer_query"] = customer.name

    def check(self, user: User) -> Wanted | None:
        """What the form asks for, or None with `errors` filled; of customers, only whom
        `user` may see can be picked."""
        customer, new_customer = picking.check(self, user)
        currency = self._currency()
        terms = terms_form.read(self.values, currency or "EUR", self.errors)
        totals = self.check_lines(currency) if currency else None
        due_on = self._date()
        expires_at = self._moment()
        note = self._note()
        providers = self._providers()
        send_at = self._send_at(customer)
        if not typed.KEY.match(self.values["creation_key"]):
            self.errors["form"] = _("This form is too old. Please start again.")
        if self.errors or totals is None:
            return None
        return Wanted(
            customer=customer,
            new_customer=new_customer,
            currency=currency,
            lines=tuple(line.data for line in totals.lines),
            totals=totals,
            due_on=due_on,
            expires_at=expires_at,
            note=note,
            has_reminders=bool(self.values["has_reminders"]),
            channels=self.channels,
            creation_key=self.values["creation_key"],
            terms=terms,
            providers=providers,
            send_at=send_at,
        )

    @property
    def is_plain(self) -> bool:
        """Whether how it may be paid can stay folded away."""
        return terms_form.is_plain(self.values)

    @property
    def kind(self) -> str:
        return self.values["amount_kind"] or AmountKind.FIXED

    def check_lines(self, currency: str) -> Totals | None:
        """The sums, shown in the form as well; None with errors beside the rows."""
        filled = [row for row in self.lines if not row.is_blank]
        data = [_line(row, currency, self.kind) for row in filled]
        if not filled:
            self.errors["lines"] = (
                _("Say in one line what it is for.")
                if self.kind == AmountKind.CHOSEN
                else _("Add at least one line with a price.")
            )
        if any(row.errors for row in filled):
            self.errors.setdefault("lines", _("Please mend the marked lines."))
        if "lines" in self.errors:
            return None
        try:
            totals = amounts.totals(
                [line for line in data if line is not None],
                prices_include_tax=self.business.prices_include_tax,
                currency=currency,
                may_be_zero=self.kind == AmountKind.CHOSEN,
            )
        except LinkError as exc:
            self._place(exc, filled)
            return None
        for row, line in zip(filled, totals.lines, strict=True):
            row.total = formats.money(line.net_minor + line.tax_minor, currency)
        self.net = formats.money(totals.net_minor, currency)
        self.tax = formats.money(totals.tax_minor, currency)
        self.total = formats.money(totals.amount_minor, currency)
        if totals.amount_minor:
            self.amount = Money(totals.amount_minor, currency)
        return totals

    def place(self, error: LinkError) -> None:
        """Put a refusal of the services beside its field."""
        self._place(error, [row for row in self.lines if not row.is_blank])

    def _place(self, error: LinkError, filled: list[LineInput]) -> None:
        where, _dot, rest = error.field.partition(".")
        index, _dot, name = rest.partition(".")
        if where == "lines" and index.isdecimal() and int(index) < len(filled):
            filled[int(index)].errors[name] = error.message
            self.errors.setdefault("lines", _("Please mend the marked lines."))
        else:
            where = terms_form.field_of(where, self.kind)
            known = where in {*FIELDS, "lines", "channels", "providers"}
            self.errors[where if known else "form"] = error.message

    def _currency(self) -> str:
        try:
            return parse_currency(self.values["currency"])
        except MoneyError as exc:
            self.errors["currency"] = str(exc)
            return ""

    def _date(self) -> date | None:
        try:
            return typed.day(self.values["due_on"])
        except typed.TypedError as exc:
            self.errors["due_on"] = str(exc)
            return None

    def _moment(self) -> datetime | None:
        try:
            return typed.moment(self.values["expires_at"], formats.business_zone())
        except typed.TypedError as exc:
            self.errors["expires_at"] = str(exc)
            return None

    def _send_at(self, customer: Customer | None) -> datetime | None:
        try:
            return when.read(self.values, customer)
        except LinkError as exc:
            self.errors[exc.field] = exc.message
            return None

    def _providers(self) -> tuple[str, ...]:
        shown = outlook.shown_in(self.values["providers_shown"])
        wanted = outlook.ticked(shown, self.providers)
        if wanted is None:
            self.errors["providers"] = _("Tick at least one way to pay.")
            return ()
        return wanted

    def _note(self) -> str:
        try:
            return typed.block(self.values["note"])
        except typed.TypedError as exc:
            self.errors["note"] = str(exc)
            return ""


def _spare(lines: list[LineInput]) -> list[LineInput]:
    """These lines, or blank ones when there are none."""
    blank = {**dict.fromkeys(LINE_FIELDS, ""), "quantity": "1"}
    return lines or [LineInput(dict(blank)) for _row in range(BLANK_LINES)]


def _of_item(item: LineItem, link: PaymentLink) -> LineInput:
    return LineInput(
        {
            "description": item.description,
            "quantity": formats.quantity(item.quantity_milli),
            "unit_amount": formats.typed(item.unit_amount_minor, link.currency),
            "discount": formats.percent(item.discount_bp),
            "tax": formats.percent(item.tax_bp),
            "least": str(item.quantity_min or ""),
            "most": str(item.quantity_max or ""),
        }
    )


def _line(row: LineInput, currency: str, kind: str) -> LineData | None:
    """The row as data, or None with its errors filled."""
    is_unpriced = kind == AmountKind.CHOSEN and not row.values["unit_amount"].strip()
    is_counted = kind == AmountKind.QUANTITY
    description = _cell(row, "description", typed.line, "")
    if not description:
        row.errors.setdefault("description", _("Say what this line is for."))
    line = LineData(
        description,
        unit_amount_minor=0
        if is_unpriced
        else _cell(
            row, "unit_amount", lambda text: typed.amount_minor(text, currency), 0
        ),
        quantity_milli=_cell(row, "quantity", typed.quantity_milli, 0),
        discount_bp=_cell(row, "discount", typed.basis_points, 0),
        tax_bp=_cell(row, "tax", typed.basis_points, 0),
        quantity_min=_cell(row, "least", typed.pieces, 0) if is_counted else 0,
        quantity_max=_cell(row, "most", typed.pieces, 0) if is_counted else 0,
    )
    return None if row.errors else line


def _cell(row: LineInput, name: str, read: Callable[[str], T], default: T) -> T:
    """What is typed in one cell; its error goes beside it."""
    try:
        return read(row.values.get(name, ""))
    except typed.TypedError as exc:
        row.errors[name] = str(exc)
        return default
