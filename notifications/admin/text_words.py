"""How the editor of messages calls kinds and placeholders."""

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..kinds import Kind

ABOUT: dict[str, Promise] = {
    "invitation": _("Asks for the payment, when you send a link."),
    "correction": _("Says that a new link takes the place of an old one."),
    "reminder": _("Reminds of what is still open."),
    "reminder_firm": _("Reminds a second time, in plainer words."),
    "reminder_last": _("Reminds for the last time."),
    "receipt": _("Thanks for a payment."),
    "refund": _("Tells that money was given back."),
    "cancellation": _("Tells that nothing has to be paid any more."),
    "answer": _("Answers what a customer wrote on the page."),
    "password_reset": _("Goes to staff who forgot their password."),
    "staff_invitation": _("Goes to new members of staff."),
    "notice": _("Tells staff about their account."),
    "staff_news": _("Tells staff what happened, at once or as a digest of the day."),
    "staff_report": _("Brings staff a report that is sent again and again."),
}
PLACEHOLDERS: dict[str, Promise] = {
    "greeting": _("Greeting with the name"),
    "customer_name": _("Name of the customer"),
    "business_name": _("Name of your business"),
    "amount": _("Amount"),
    "balance": _("What is still open"),
    "due_date": _("Due date"),
    "number": _("Number of the link"),
    "description": _("What it is for"),
    "note": _("Your note"),
    "amount_received": _("Amount received"),
    "paid_on": _("Day of the payment"),
    "surplus": _("What was paid too much"),
    "amount_refunded": _("Amount given back"),
    "refunded_on": _("Day it was given back"),
    "cancel_reason": _("Your reason"),
    "answer": _("Your answer"),
    "question": _("What the customer wrote"),
    "subject": _("Subject"),
    "body": _("Words"),
    "link_url": _("Address of the page"),
    "business_address": _("Your address"),
    "business_contact": _("Your e-mail and phone"),
    "unsubscribe_url": _("Address to stop reminders"),
}
_HIDDEN = {"brand_color", "brand_ink", "logo_url"}


def about(kind: Kind) -> str:
    return str(ABOUT.get(kind.name, ""))


def order_of(kind: Kind) -> tuple[int, str]:
    """Where it stands among the others, as a customer meets them."""
    names = list(ABOUT)
    known = kind.name in ABOUT
    return (names.index(kind.name) if known else len(names), kind.name)


def offered(names: Iterable[str]) -> list[tuple[str, str]]:
    """Placeholders to click, in their usual order, each with what it stands for."""
    order = {name: number for number, name in enumerate(PLACEHOLDERS)}
    return [
        (name, str(PLACEHOLDERS.get(name, name.replace("_", " ").capitalize())))
        for name in sorted(
            set(names) - _HIDDEN, key=lambda name: (order.get(name, 99), name)
        )
    ]
