"""The back-office pages of links, payments, reminder plans, accounts and webhooks."""

from . import (
    accounts,
    bulk,
    comparisons,
    customer_panel,
    disputes,
    events,
    link_list,
    notices,
    payments,
    payouts,
    plans,
    refunds,
    reminder_acts,
    replies,
    report_page,
    tasks_page,
)

__all__ = [
    "accounts",
    "bulk",
    "comparisons",
    "customer_panel",
    "disputes",
    "events",
    "link_list",
    "notices",
    "payments",
    "payouts",
    "plans",
    "refunds",
    "reminder_acts",
    "replies",
    "report_page",
    "tasks_page",
]
