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
    CUSTOMERS_READ = "customers:read", _("See customers")
    CUSTOMERS_WRITE = "customers:write", _("Add and change customers")
    PAYMENTS_READ = "payments:read", _("See payments")
    PAYMENTS_WRITE = "payments:write", _("Record payments taken by hand")
    REFUNDS_PROPOSE = "refunds:propose", _("Propose refunds")
    REFUNDS_APPROVE = "refunds:approve", _("Approve refunds")
    MESSAGES_READ = "messages:read", _("See messages as they were sent")
    REPORTS_READ = "reports:read", _("See totals and reports")
    BUSINESS_WRITE = "business:write", _("Change the business profile")
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
            Right.CUSTOMERS_WRITE,
            Right.PAYMENTS_WRITE,
            Right.REFUNDS_PROPOSE,
            Right.PLANS_WRITE,
            Right.TEMPLATES_WRITE,
        }
    ),
    Role.AGENT: frozenset(
        {
            Right.LINKS_READ,
            Right.LINKS_WRITE,
            Right.CUSTOMERS_READ,
            Right.CUSTOMERS_WRITE,
            Right.PAYMENTS_READ,
            Right.MESSAGES_READ,
        }
    ),
    Role.FINANCE: frozenset(
        _READS
        | {
            Right.PAYMENTS_WRITE,
            Right.REFUNDS_PROPOSE,
            Right.REFUNDS_APPROVE,
            Right.AUDIT_READ,
        }
    ),
    Role.AUDITOR: frozenset(_READS | {Right.AUDIT_READ}),
}
