"""What each address of the back-office asks of whoever comes: the one declaration.

A new page, act, file or autocomplete needs a line here; the tests say which is missing.
"""

from dataclasses import dataclass

from merchant_portal.staff.roles import Right as R

Rights = frozenset[R]
EVERYBODY: Rights = frozenset()
# Whoever works here.
NOBODY: Rights = frozenset({"nobody"})  # type: ignore[arg-type]
# No role has it.


GET, POST = frozenset({"GET"}), frozenset({"POST"})


@dataclass(frozen=True, slots=True)
class Door:
    """`see`: for GET, `do`: for POST; None: there is no such method. `of`: what its
    keys are keys of. `proof`: the methods for which one proves anew who one is."""

    see: Rights | None
    do: Rights | None
    of: tuple[str, ...] = ()
    proof: frozenset[str] = frozenset()

    def needed(self, method: str) -> Rights | None:
        return self.see if method == "GET" else self.do

    def is_export(self, method: str) -> bool:
        needed = self.needed(method)
        return needed is not None and R.EXPORTS_READ in needed and method in self.proof


def rights(*names: R) -> Rights:
    return frozenset(names)


def page(*needed: R, of: str = "") -> Door:
    """To look at."""
    return Door(rights(*needed), None, (of,) if of else ())


def act(*needed: R, of: str = "", and_of: str = "") -> Door:
    """A POST and nothing else."""
    keys = tuple(one for one in (of, and_of) if one)
    return Door(None, rights(*needed), keys)


def form(*needed: R, of: str = "") -> Door:
    """Shown by GET, sent by POST."""
    return Door(rights(*needed), rights(*needed), (of,) if of else ())


def download(*needed: R, of: str = "") -> Door:
    """A file of rows by GET."""
    keys = (of,) if of else ()
    return Door(rights(R.EXPORTS_READ, *needed), None, keys, GET)


def grave(door: Door, methods: frozenset[str]) -> Door:
    return Door(door.see, door.do, door.of, methods)


@dataclass(frozen=True, slots=True)
class Screen:
    """The five pages that Django gives a model, all of which anybody may try."""

    see: Rights
    add: Rights = NOBODY
    change: Rights = NOBODY
    delete: Rights = NOBODY
    is_grave: bool = False

    def doors(self, label: str) -> dict[str, Door]:
        name = f"admin:{label.replace('.', '_').lower()}"
        of = (label,)
        adding = GET | POST if self.is_grave else frozenset[str]()
        changing = POST if self.is_grave and self.change != NOBODY else frozenset[str]()
        return {
            f"{name}_changelist": Door(self.see, self.see),
            f"{name}_add": Door(self.add, self.add, (), adding),
            f"{name}_change": Door(self.see, self.change, of, changing),
            f"{name}_history": Door(self.see, self.see, of),
            f"{name}_delete": Door(self.delete, self.delete, of),
        }


LINK, PAYMENT, REFUND = "links.PaymentLink", "links.Payment", "links.Refund"
ACCOUNT, MESSAGE, BULK = (
    "links.ProviderAccount",
    "notifications.Message",
    "links.BulkSend",
)
IMPORT, SHIFT, DAY = "links.LinkImport", "links.Shift", "links.DayClose"
OF_OWNER = frozenset(
    {
        *(
            LINK,
            PAYMENT,
            REFUND,
            MESSAGE,
            BULK,
            IMPORT,
            "links.Dispute",
            "links.PayerReply",
        ),
        *("links.StaffTask", "customers.Customer", "notifications.OptOut"),
    }
)
"""Who may see only own ones sees no others of these."""

SCREENS: dict[str, Screen] = {
    "staff.ApiKey": Screen(
        rights(R.STAFF_READ), add=rights(R.STAFF_WRITE), is_grave=True
    ),
    "staff.User": Screen(
        rights(R.STAFF_READ),
        add=rights(R.STAFF_WRITE),
        change=rights(R.STAFF_WRITE),
        is_grave=True,
    ),
    "audit.AuditEntry": Screen(rights(R.AUDIT_READ)),
    "business.Business": Screen(
        rights(R.BUSINESS_WRITE), change=rights(R.BUSINESS_WRITE)
    ),
    "customers.Customer": Screen(
        rights(R.CUSTOMERS_READ),
        add=rights(R.CUSTOMERS_WRITE),
        change=rights(R.CUSTOMERS_WRITE),
    ),
    "notifications.InboundMessage": Screen(rights(R.MESSAGES_READ, R.LINKS_ALL)),
    MESSAGE: Screen(rights(R.MESSAGES_READ)),
    "notifications.Template": Screen(rights(R.TEMPLATES_WRITE)),
    "notifications.OptOut": Screen(
        rights(R.MESSAGES_READ), add=rights(R.CUSTOMERS_WRITE)
    ),
    "notifications.WhatsAppTemplate": Screen(
        rights(R.BUSINESS_WRITE),
        add=rights(R.BUSINESS_WRITE),
        change=rights(R.BUSINESS_WRITE),
        delete=rights(R.BUSINESS_WRITE),
    ),
    "links.Comparison": Screen(rights(R.AUDIT_READ)),
    ACCOUNT: Screen(rights(R.AUDIT_READ), change=rights(R.BUSINESS_WRITE)),
    "links.Dispute": Screen(rights(R.PAYMENTS_READ)),
    "links.WebhookEvent": Screen(rights(R.AUDIT_READ)),
    "links.PayerReply": Screen(rights(R.LINKS_READ)),
    "links.StaffTask": Screen(rights(R.LINKS_READ)),
    "links.ReportSchedule": Screen(
        rights(R.REPORTS_READ),
        add=rights(R.EXPORTS_READ),
        change=rights(R.EXPORTS_READ),
    ),
    "links.StaffNoticeChoice": Screen(rights(R.LINKS_READ)),
    REFUND: Screen(rights(R.PAYMENTS_READ)),
    PAYMENT: Screen(rights(R.PAYMENTS_READ)),
    "links.Payout": Screen(rights(R.REPORTS_READ)),
    "links.ReminderPlan": Screen(
        rights(R.LINKS_READ), add=rights(R.PLANS_WRITE), change=rights(R.PLANS_WRITE)
    ),
}

_LINKS: dict[str, Door] = {
    "changelist": Door(rights(R.LINKS_READ), rights(R.LINKS_READ)),
    "all": act(R.LINKS_WRITE),
    "add": form(R.LINKS_WRITE),
    "customers": page(R.LINKS_WRITE, R.CUSTOMERS_READ),
    "lines": act(R.LINKS_WRITE),
    "new_task": act(R.LINKS_WRITE, of=LINK),
    "totals": act(R.LINKS_WRITE),
    "preview": act(R.LINKS_WRITE),
    "preview_mail": act(R.LINKS_WRITE),
    **{
        name: page(R.LINKS_READ, of=LINK)
        for name in (
            *("change", "live", "code", "code_png", "website"),
            *("button", "preview_of", "mail"),
        )
    },
    "letter": page(R.LINKS_READ, R.CUSTOMERS_CONTACT, of=LINK),
    **{
        name: act(R.LINKS_WRITE, of=LINK)
        for name in (
            *("activate", "send", "share", "edit", "cancel"),
            *("extend", "pause", "resume", "plan"),
        )
    },
    "recall": act(R.LINKS_WRITE, R.LINKS_CHANGE_SENT, of=LINK),
    "planned": act(R.LINKS_WRITE, of=LINK, and_of="links.PlannedSend"),
    "record": act(R.PAYMENTS_WRITE, of=LINK),
    "answer": act(R.LINKS_WRITE, of=LINK, and_of="links.PayerReply"),
    "proof": Door(rights(R.LINKS_READ), None, (LINK, "links.PayerReply")),
    "task": act(R.LINKS_WRITE, of=LINK, and_of="links.StaffTask"),
    "customer_reminders": act(R.LINKS_ALL, R.LINKS_WRITE, of="customers.Customer"),
    "correct": form(R.LINKS_WRITE, of=LINK),
}
_ACCOUNT = (R.CUSTOMERS_READ, R.LINKS_READ, R.LINKS_ALL, R.PAYMENTS_READ)
_OTHERS: dict[str, Door] = {
    "staff_apikey_shown": page(R.STAFF_READ, of="staff.ApiKey"),
    "staff_apikey_revoke": grave(form(R.STAFF_WRITE, of="staff.ApiKey"), POST),
    "staff_user_send_link": form(R.STAFF_WRITE, of="staff.User"),
    "staff_user_sign_out": form(R.STAFF_WRITE, of="staff.User"),
    "staff_user_forget_phone": grave(form(R.STAFF_WRITE, of="staff.User"), POST),
    "audit_auditentry_verify": form(R.AUDIT_READ),
    "audit_auditentry_download": Door(
        None, rights(R.EXPORTS_READ, R.AUDIT_READ), (), POST
    ),
    "notifications_inboundmessage_close": act(
        R.MESSAGES_READ, R.LINKS_ALL, R.LINKS_WRITE, of="notifications.InboundMessage"
    ),
    "notifications_message_body": page(R.MESSAGES_READ, of=MESSAGE),
    "notifications_message_again": act(R.MESSAGES_READ, R.LINKS_WRITE, of=MESSAGE),
    "notifications_message_stop": act(R.BUSINESS_WRITE),
    "notifications_message_resume": act(R.BUSINESS_WRITE),
    "notifications_template_edit": form(R.TEMPLATES_WRITE),
    "notifications_template_preview": act(R.TEMPLATES_WRITE),
    "notifications_template_mail": act(R.TEMPLATES_WRITE),
    "notifications_template_restore": act(R.TEMPLATES_WRITE),
    "notifications_optout_download": Door(
        None, rights(R.EXPORTS_READ, R.MESSAGES_READ), (), POST
    ),
    "notifications_optout_lift": form(R.CUSTOMERS_WRITE, of="notifications.OptOut"),
    "links_comparison_reviewed": act(
        R.AUDIT_READ, R.PAYMENTS_RESOLVE, of="links.Comparison"
    ),
    "links_provideraccount_check": act(R.BUSINESS_WRITE, of=ACCOUNT),
    "links_provideraccount_compare": act(R.AUDIT_READ, R.PAYMENTS_RESOLVE, of=ACCOUNT),
    "links_provideraccount_keys": grave(form(R.BUSINESS_WRITE), GET | POST),
    "links_provideraccount_remove_keys": grave(form(R.BUSINESS_WRITE), GET | POST),
    "links_bulksend_changelist": Door(rights(R.LINKS_READ), rights(R.LINKS_READ)),
    "links_bulksend_change": page(R.LINKS_READ, of=BULK),
    "links_bulksend_live": page(R.LINKS_READ, of=BULK),
    "links_bulksend_csv": download(R.LINKS_READ, of=BULK),
    "links_bulksend_start": act(R.LINKS_WRITE, of=BULK),
    "links_bulksend_again": act(R.LINKS_WRITE, of=BULK),
    "links_bulksend_act": act(R.LINKS_WRITE, of=BULK),
    "links_bulksend_xlsx": download(R.LINKS_READ, of=BULK),
    "links_report_xlsx": download(R.REPORTS_READ),
    "links_linkimport_changelist": Door(rights(R.LINKS_READ), rights(R.LINKS_READ)),
    "links_linkimport_add": form(R.LINKS_WRITE),
    "links_linkimport_change": page(R.LINKS_READ, of=IMPORT),
    "links_shift_changelist": Door(rights(R.REPORTS_READ), rights(R.REPORTS_READ)),
    "links_shift_change": page(R.REPORTS_READ, of=SHIFT),
    "links_dayclose_changelist": Door(rights(R.REPORTS_READ), rights(R.REPORTS_READ)),
    "links_dayclose_change": page(R.REPORTS_READ, of=DAY),
    "links_linkimport_live": page(R.LINKS_READ, of=IMPORT),
    "links_linkimport_mistakes": download(R.LINKS_READ, of=IMPORT),
    "links_linkimport_results": download(R.LINKS_READ, of=IMPORT),
    **{
        f"links_linkimport_{name}": act(R.LINKS_WRITE, of=IMPORT)
        for name in ("columns", "start", "stop", "send")
    },
    "links_shift_open": form(R.PAYMENTS_WRITE),
    "links_shift_take": act(R.PAYMENTS_WRITE, of=SHIFT),
    "links_shift_move": act(R.PAYMENTS_WRITE, of=SHIFT),
    "links_shift_count": form(R.PAYMENTS_WRITE, of=SHIFT),
    "links_shift_pdf": page(R.REPORTS_READ, of=SHIFT),
    "links_dayclose_close": Door(rights(R.REPORTS_READ), rights(R.PAYMENTS_WRITE)),
    "links_dayclose_pdf": page(R.REPORTS_READ, of=DAY),
    "links_dispute_answered": act(R.PAYMENTS_WRITE, of="links.Dispute"),
    "links_webhookevent_again": act(
        R.AUDIT_READ, R.BUSINESS_WRITE, of="links.WebhookEvent"
    ),
    "links_refund_approve": grave(act(R.REFUNDS_APPROVE, of=REFUND), POST),
    "links_refund_decline": act(R.REFUNDS_APPROVE, of=REFUND),
    "links_refund_give_up": grave(act(R.REFUNDS_APPROVE, of=REFUND), POST),
    "links_payment_reviewed": act(R.PAYMENTS_RESOLVE, of=PAYMENT),
    "links_payment_refund": form(R.REFUNDS_PROPOSE, of=PAYMENT),
    "links_reminderplan_rehearsal": page(R.LINKS_READ),
    "links_reminderplan_rehearsal_of": page(R.LINKS_READ, of="links.ReminderPlan"),
    # these two only lead to the page of their link
    "links_payerreply_change": form(R.LINKS_READ, of="links.PayerReply"),
    "links_stafftask_change": form(R.LINKS_READ, of="links.StaffTask"),
    "links_dailytotal_changelist": page(R.REPORTS_READ),
    "links_report": page(R.REPORTS_READ),
    "links_report_csv": download(R.REPORTS_READ),
    "index": Door(EVERYBODY, EVERYBODY),
    "search": page(),
    "links_statement": page(*_ACCOUNT, of="customers.Customer"),
    "links_statement_pdf": page(*_ACCOUNT, of="customers.Customer"),
    "links_statement_csv": download(*_ACCOUNT, of="customers.Customer"),
    "links_correspondence": page(
        R.CUSTOMERS_READ, R.MESSAGES_READ, R.LINKS_READ, of="customers.Customer"
    ),
    "password_change": Door(EVERYBODY, EVERYBODY),
    "password_change_done": Door(EVERYBODY, None),
    "jsi18n": Door(EVERYBODY, None),
}
DOORS: dict[str, Door] = {
    **{k: door for label, s in SCREENS.items() for k, door in s.doors(label).items()},
    **{f"admin:links_paymentlink_{name}": door for name, door in _LINKS.items()},
    **{f"admin:{name}": door for name, door in _OTHERS.items()},
    "front_live": page(),
    "front_setup_test": act(R.BUSINESS_WRITE),
    "front_setup_close": act(R.BUSINESS_WRITE),
    "staff_search": page(),
}
ELSEWHERE = frozenset({"admin:login", "admin:logout"})
"""What who is not signed in needs; tests/staff/test_sign_in.py looks at them."""

SIDE_DOORS = frozenset({"admin:autocomplete", "admin:app_list", "admin:view_on_site"})
"""What they answer depends on what is asked for; each has tests of its own."""

ACTIONS: dict[tuple[str, str], Rights] = {
    (LINK, "send_to_many"): rights(R.LINKS_WRITE),
}
"""What can be done to the rows that were ticked in a list."""
