"""The back-office pages of links, payments, reminder plans, accounts and webhooks."""

from . import accounts, events, link_list, payments, plans

__all__ = ["accounts", "events", "link_list", "payments", "plans"]
