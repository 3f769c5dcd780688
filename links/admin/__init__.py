"""The back-office pages of links, payments, reminder plans, accounts and webhooks."""

from . import (
    accounts,
    bulk,
    comparisons,
    customer_panel,
    disputes,
    events,
    link_list,
    payments,
    payouts,
    plans,
    refunds,
    replies,
)

__all__ = [
    "accounts",
    "bulk",
    "comparisons",
    "customer_panel",
    "disputes",
    "events",
    "link_list",
    "payments",
    "payouts",
    "plans",
    "refunds",
    "replies",
]
