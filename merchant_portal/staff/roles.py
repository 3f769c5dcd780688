"""What each role may do: one table, read by the admin, the API and the services."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    AGENT = "agent", _("Agent")
    FINANCE = "finance", _("Finance")
    AUDITOR = "auditor", _("Auditor")


class Right(models.TextChoices):
    """An act that a role, or a key's scope, may allow."""

    LINKS_READ = "links:read", _("See payment links")
    LINKS_WRITE = "links:write", _("Create, send, correct and cancel payment links")
    LINKS_ALL = "links:all", _("… of every colleague, not only own ones")
    LINKS_ANY_AMOUNT = (
        "links:any_amount",
        _("Ask for more than the limit of agents"),
    )
    LINKS_CHANGE_SENT = (
        "links:change_sent",
        _("Recall, cancel and correct links that were sent"),
    )
    CUSTOMERS_READ = "customers:read", _("See customers")
    CUSTOMERS_CONTACT = "customers:contact", _("See addresses and phone numbers")
    CUSTOMERS_WRITE = "customers:write", _("Add and change customers")
    PAYMENTS_READ = "payments:read", _("See payments")
    PAYMENTS_WRITE = "payments:write", _("Record payments taken by hand")
    PAYMENTS_RESOLVE = (
        "payments:resolve",
        _("Deal with payments that are odd, and compare with providers"),
    )
    REFUNDS_PROPOSE = "refunds:propose", _("Propose refunds")
    REFUNDS_APPROVE = "refunds:approve", _("Approve refunds")
    MESSAGES_READ = "messages:read", _("See messages as they were sent")
    REPORTS_READ = "reports:read", _("See totals and reports")
    EXPORTS_READ = "exports:read", _("Download lists and reports as files")
    BUSINESS_WRITE = "business:write", _("Change the business profile")
    STAFF_READ = "staff:read", _("See staff, their roles, and API keys")
    STAFF_WRITE = "staff:write", _("Invite staff, change roles, make API keys")
    PLANS_WRITE = "plans:write", _("Change reminder plans")
    TEMPLATES_WRITE = "templates:write", _("Change the words of messages")
    AUDIT_READ = "audit:read", _("See the audit log")


_READS = {
    Right.LINKS_READ,
    Right.LINKS_ALL,
    Right.CUSTOMERS_READ,
    Right.PAYMENTS_READ,
    Right.MESSAGES_READ,
    Right.REPORTS_READ,
}

RIGHTS: dict[str, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.MANAGER: frozenset(
        _READS
        | {
            Right.LINKS_WRITE,
            Right.LINKS_ANY_AMOUNT,
            Right.LINKS_CHANGE_SENT,
            Right.CUSTOMERS_CONTACT,
            Right.CUSTOMERS_WRITE,
            Right.PAYMENTS_WRITE,
            Right.REFUNDS_PROPOSE,
            Right.EXPORTS_READ,
            Right.PLANS_WRITE,
            Right.TEMPLATES_WRITE,
        }
    ),
    Role.AGENT: frozenset(
        {
            Right.LINKS_READ,
            Right.LINKS_WRITE,
            Right.CUSTOMERS_READ,
            Right.CUSTOMERS_CONTACT,
            Right.CUSTOMERS_WRITE,
            Right.PAYMENTS_READ,
            Right.MESSAGES_READ,
        }
    ),
    Role.FINANCE: frozenset(
        _READS
        | {
            Right.CUSTOMERS_CONTACT,
            Right.PAYMENTS_WRITE,
            Right.PAYMENTS_RESOLVE,
            Right.REFUNDS_PROPOSE,
            Right.REFUNDS_APPROVE,
            Right.EXPORTS_READ,
            Right.AUDIT_READ,
        }
    ),
    Role.AUDITOR: frozenset(_READS | {Right.STAFF_READ, Right.AUDIT_READ}),
}
