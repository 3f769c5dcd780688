"""One shop with something of everything: an agent's own, and a colleague's."""

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.db.models import Model

from customers.services import customers
from customers.services.customers import CustomerData
from links.models import (
    Comparison,
    Dispute,
    DisputeState,
    LinkImport,
    PayerReply,
    PaymentLink,
    Payout,
    PayoutState,
    Period,
    ProviderAccount,
    ReplyKind,
    ReportSchedule,
    Rhythm,
    StaffTask,
    TaskKind,
    WebhookEvent,
)
from links.services import (
    accounts,
    bulk,
    imports,
    later,
    payments,
    refunding,
    reminders,
    sending,
    till,
    till_closing,
    till_days,
)
from links.services.till_closing import Count
from links.tests.factories import make_link, make_seen
from merchant_portal.audit import services as audit
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys
from merchant_portal.staff.tests.factories import make_user
from notifications.models import InboundMessage, Message, OptOut, WhatsAppTemplate

Objects = dict[str, Any]
# label of a model → one of its rows


@dataclass(frozen=True, slots=True)
class Side:
    """What one agent made. `name`, `mailbox`, `phone`: of the customer, found nowhere
    else."""

    name: str
    mailbox: str
    phone: str
    objects: Objects

    @property
    def address(self) -> str:
        return f"{self.mailbox}@example.com"


@dataclass(frozen=True, slots=True)
class World:
    """`shared`: what belongs to nobody. `people`: by role; the agent made `own`."""

    people: dict[Role, User]
    own: Side
    foreign: Side
    shared: Objects

    def key(self, label: str, side: Side) -> Any:
        """0, which no row has, where nothing of that kind has a page of its own."""
        found: Model | None = side.objects.get(label) or self.shared.get(label)
        return found.pk if found is not None else 0

    def has(self, label: str) -> bool:
        return label in self.own.objects or label in self.shared


def build() -> World:
    """Everything is made as the product makes it, where it does."""
    Business.objects.current()
    people = {role: make_user(role, name=f"{role} person") for role in Role}
    colleague = make_user(Role.AGENT, name="colleague")
    own = _side(people[Role.AGENT], "Ownina Ypsilon", "ownina.y", "+14155550131")
    foreign = _side(colleague, "Foreigna Zett", "foreigna.z", "+14155550132")
    return World(people, own, foreign, _shared(people[Role.OWNER]))


def _side(agent: User, name: str, mailbox: str, phone: str) -> Side:
    actor, now = agent.actor(), clock.now()
    customer = customers.create(
        CustomerData(name=name, email=f"{mailbox}@example.com", phone=phone),
        actor=actor,
    )
    link = make_link(customer, actor=actor)
    waiting = make_link(customer, amount_minor=990, actor=actor)
    sent = make_link(customer, amount_minor=880, actor=actor)
    sending.send(sent, ["email"], actor=actor, key="once")
    payments.record(make_seen(link, payment_id=f"tpy_{link.pk}"))
    payment = link.payments.get()
    refund = refunding.propose(payment, amount_minor=100, actor=actor)
    dispute = Dispute.objects.create(
        account=payment.account,
        provider_dispute_id=f"dp_{payment.pk}",
        payment=payment,
        state=DisputeState.NEEDS_RESPONSE,
        amount_minor=100,
        currency=payment.currency,
        opened_at=now,
        recorded_at=now,
    )
    message = Message.objects.get(reference=sent.public_id)
    return Side(
        name,
        mailbox,
        phone,
        {
            "customers.Customer": customer,
            "links.PaymentLink": waiting,
            "links.Payment": payment,
            "links.Refund": refund,
            "links.Dispute": dispute,
            "links.PayerReply": _reply(waiting),
            "links.StaffTask": StaffTask.objects.create(
                link=waiting,
                kind=TaskKind.STEP,
                origin="step:1",
                text=f"Call {name}",
                due_at=now,
                created_at=now,
            ),
            "links.PlannedSend": later.plan(
                waiting,
                ["sms"],
                at=now + timedelta(days=2),
                actor=actor,
                key="planned",
            ),
            "links.LinkImport": _import(agent),
            "links.BulkSend": bulk.draft(
                PaymentLink.objects.filter(pk=waiting.pk), by=agent
            ),
            "notifications.Message": message,
            "notifications.OptOut": OptOut.objects.create(
                channel="email",
                address=f"{mailbox}@example.com",
                scope=OptOut.Scope.REMINDERS,
                source="unsubscribe link",
                message=message,
                created_at=now,
            ),
        },
    )


def _import(agent: User) -> LinkImport:
    file = BytesIO(b"Amount,Description\n1.00,Cake\n")
    return imports.take(file, f"{agent.pk}.csv", by=agent)


def _reply(link: PaymentLink) -> PayerReply:
    return PayerReply.objects.create(
        link=link,
        kind=ReplyKind.QUESTION,
        text="Which cake is it?",
        proof=b"%PDF-1.4",
        proof_type="pdf",
        at=clock.now(),
    )


def _shared(cashier: User) -> Objects:
    """`staff.User`: somebody whom nobody of `people` is."""
    now = clock.now()
    shift = till.begin(register="Counter", floats={"EUR": 100}, user=cashier)
    shift = till_closing.close(shift, Count({"EUR": 100}), user=cashier)
    account = accounts.get("training")
    ProviderAccount.objects.create(slug="stripe", mode="test", sealed_keys="v1:lost")
    key, _secret = keys.create("Till", ["*"])
    audit.record("usr_1", "link.canceled", "plk_1")
    return {
        "staff.User": make_user(Role.MANAGER, name="somebody"),
        "staff.ApiKey": key,
        "audit.AuditEntry": AuditEntry.objects.get(object_id="plk_1"),
        "business.Business": Business.objects.current(),
        "links.ProviderAccount": account,
        "links.Shift": shift,
        "links.DayClose": till_days.close(till_days.next_day(), user=cashier),
        "links.ReportSchedule": ReportSchedule.objects.create(
            report="payments",
            by="day",
            period=Period.WEEK,
            rhythm=Rhythm.WEEKLY,
            file_format="csv",
            next_on=now.date(),
            created_at=now,
        ),
        "links.ReminderPlan": reminders.default_plan(),
        "links.Comparison": Comparison.objects.create(
            account=account, asked_at=now, due_at=now
        ),
        "links.WebhookEvent": WebhookEvent.objects.create(
            account=account, event_id="evt_1", body="{}", received_at=now
        ),
        "links.Payout": Payout.objects.create(
            account=account,
            provider_payout_id="po_1",
            state=PayoutState.PAID,
            amount_minor=100,
            currency="EUR",
            created_at=now,
            recorded_at=now,
        ),
        "notifications.InboundMessage": InboundMessage.objects.create(
            carrier_message_id="SM1",
            channel="sms",
            address="+14155550133",
            text="Hello",
            at=now,
        ),
        "notifications.WhatsAppTemplate": WhatsAppTemplate.objects.create(
            kind="invitation",
            language="en",
            content_sid="HX" + "0" * 32,
            body="{{1}}",
            placeholders=["link_url"],
        ),
    }
