"""Making a link from a checked form: the customer, the link and the send, once."""

from dataclasses import dataclass, replace

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.services import customers
from customers.services.customers import CustomerError
from merchant_portal.audit import services as audit
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import AmountKind, PaymentLink
from ..services import amounts, links
from ..services.errors import LinkError
from ..services.links import LinkData
from .link_form import Wanted

_CUSTOMER_FIELDS = {"name": "new_name", "email": "new_email", "phone": "new_phone"}


class _MadeBefore(Exception):
    """The other half of a double submit made the link; what this half did goes."""

    def __init__(self, link: PaymentLink) -> None:
        super().__init__(link.public_id)
        self.link = link


@dataclass(frozen=True, slots=True)
class Made:
    """`is_new`: False when this very form had made the link before."""

    link: PaymentLink
    is_new: bool


def make(
    wanted: Wanted, *, draft: bool, user: User, instead_of: PaymentLink | None = None
) -> Made:
    """The link, and its customer if it is a new one: both or neither, and only once.

    Raises LinkError naming the form's field, LinkConflict for what can no longer be
    corrected.
    """
    _refuse_above_limit(wanted, user)
    made = PaymentLink.objects.filter(creation_key=wanted.creation_key).first()
    is_new = made is None
    if made is None:
        try:
            with transaction.atomic(), audit.recorded_last():
                made = _make(
                    wanted, draft=draft, actor=user.actor(), instead_of=instead_of
                )
        except _MadeBefore as before:
            made, is_new = before.link, False
        except CustomerError as exc:
            field = _CUSTOMER_FIELDS.get(exc.field, "form")
            raise LinkError(str(exc), field) from exc
    if made.created_by_id != user.pk:
        raise LinkError(_("This form is not yours. Please start again."), "form")
    return Made(made, is_new)


def _refuse_above_limit(wanted: Wanted, user: User) -> None:
    """What an agent asks for alone is bounded, if the business says so; also what the
    customer may choose to pay."""
    business = business_services.kept()
    limit = business.agent_limit_minor
    if limit is None or user.may(Right.LINKS_ANY_AMOUNT):
        return
    most = _most(wanted, business)
    if wanted.currency == business.currency and 0 < most <= limit:
        return
    bound = Money(limit, business.currency).format(get_language() or "en")
    raise LinkError(
        _("You can ask for up to %s. Please ask a manager to make this link.") % bound,
        "form",
    )


def _most(wanted: Wanted, business: Business) -> int:
    """The most that one payment of it can bring; 0 where nothing bounds it."""
    if wanted.terms.kind == AmountKind.CHOSEN:
        return wanted.terms.maximum_minor
    if wanted.terms.kind != AmountKind.QUANTITY:
        return wanted.totals.amount_minor
    lines = [
        replace(line, quantity_milli=line.quantity_max * 1000)
        if line.quantity_max
        else line
        for line in wanted.lines
    ]
    whole = amounts.totals(
        lines,
        prices_include_tax=business.prices_include_tax,
        currency=wanted.currency,
    )
    return whole.amount_minor


def _make(
    wanted: Wanted, *, draft: bool, actor: Actor, instead_of: PaymentLink | None
) -> PaymentLink:
    customer = wanted.customer
    if wanted.new_customer is not None:
        customer = customers.create(wanted.new_customer, actor=actor)
    data = LinkData(
        customer=customer,
        currency=wanted.currency,
        lines=wanted.lines,
        due_on=wanted.due_on,
        expires_at=wanted.expires_at,
        note=wanted.note,
        draft=draft,
        creation_key=wanted.creation_key,
        has_reminders=wanted.has_reminders,
        terms=wanted.terms,
        allowed_providers=wanted.providers,
    )
    if instead_of is not None:
        link = links.correct(instead_of, data, actor=actor)
    else:
        link = links.create(data, actor=actor)
    if wanted.new_customer is not None and link.customer_id != (
        customer and customer.pk
    ):
        raise _MadeBefore(link)
    return link
