"""The request for money."""

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from merchant_portal.lib import ids
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right


class LinkStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ACTIVE = "active", _("Active")
    PAID = "paid", _("Paid")
    EXPIRED = "expired", _("Expired")
    CANCELED = "canceled", _("Canceled")
    EXHAUSTED = "exhausted", _("Used up")


class AmountKind(models.TextChoices):
    """What a customer may say about the amount."""

    FIXED = "fixed", _("As the lines say")
    CHOSEN = "chosen", _("The customer chooses the amount")
    QUANTITY = "quantity", _("The customer chooses how many")
    PARTS = "parts", _("May be paid in parts")
    DEPOSIT = "deposit", _("A deposit first, then the rest")


def new_public_id() -> str:
    return ids.new("plk")


class PaymentLinkQuerySet(models.QuerySet["PaymentLink"]):
    def visible_to(self, user: User) -> Self:
        """What this member of staff may see: everything, or only own links."""
        if user.may(Right.LINKS_ALL):
            return self
        if user.may(Right.LINKS_READ):
            return self.filter(created_by=user)
        return self.none()

    def locked(self, pk: int) -> "PaymentLink":
        """The link under its row lock: the first lock of every transaction."""
        return self.select_for_update(of=("self",)).get(pk=pk)

    def locked_all(self, pks: Collection[int]) -> "dict[int, PaymentLink]":
        """key → link under its row lock, the locks taken in the order of the keys."""
        found = self.select_for_update(of=("self",)).filter(pk__in=pks).order_by("pk")
        return {link.pk: link for link in found}

    def at_hand(self, pks: Collection[int]) -> "dict[int, PaymentLink]":
        """key → link with its customer, under row locks taken in the order of the keys;
        a link that somebody else holds is not among them."""
        free = self.select_for_update(of=("self",), skip_locked=True)
        found = free.filter(pk__in=pks).select_related("customer").order_by("pk")
        return {link.pk: link for link in found}


class PaymentLink(models.Model):
    """A request for money, reached by one unguessable address.

    The token in that address is derived from `public_id`, `generation` and the key
    named by `token_key_version`; only its SHA-256 is stored.
    """

    S = LinkStatus
    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        S.DRAFT: {S.ACTIVE, S.CANCELED},
        S.ACTIVE: {S.PAID, S.EXPIRED, S.CANCELED, S.EXHAUSTED},
        S.EXPIRED: {S.ACTIVE, S.PAID, S.CANCELED},
        S.CANCELED: {S.PAID},  # money that was already on its way
    }
    OF_SENDING: ClassVar[list[str]] = [
        "last_sent_at",
        "last_channels",
        "first_sent_at",
        "first_sent_minor",
    ]

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    number = models.CharField(  # noqa: DJ001 - unique, so empty must be NULL
        _("number"), max_length=20, null=True, unique=True, editable=False
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="payment_links",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=LinkStatus.choices,
        default=LinkStatus.DRAFT,
        editable=False,
    )
    currency = models.CharField(_("currency"), max_length=3)
    net_minor = models.PositiveBigIntegerField(editable=False)
    tax_minor = models.PositiveBigIntegerField(editable=False)
    amount_minor = models.PositiveBigIntegerField(
        editable=False, help_text="what is asked, tax included; minor currency units"
    )
    amount_paid_minor = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="without tips and surplus"
    )
    amount_kind = models.CharField(
        max_length=8, choices=AmountKind.choices, default=AmountKind.FIXED
    )
    minimum_minor = models.PositiveBigIntegerField(
        default=0, help_text="least that may be chosen, or paid as a part"
    )
    maximum_minor = models.PositiveBigIntegerField(
        default=0, help_text="most that may be chosen; 0: what anyone takes"
    )
    presets_minor = models.JSONField(default=list, help_text="amounts to choose from")
    deposit_minor = models.PositiveBigIntegerField(
        default=0, help_text="asked first, of the whole"
    )
    tips_bp = models.JSONField(
        default=list, help_text="tips offered, basis points; empty: no tip is asked"
    )
    is_reusable = models.BooleanField(
        default=False, help_text="paid many times, by anybody"
    )
    use_limit = models.PositiveIntegerField(
        null=True, help_text="how often a reusable one may be paid; null: any number"
    )
    uses = models.PositiveIntegerField(
        default=0, editable=False, help_text="how often a reusable one was paid"
    )
    inactive_message = models.TextField(
        max_length=500,
        blank=True,
        default="",
        help_text="shown when nothing can be paid here any more",
    )
    prices_include_tax = models.BooleanField(default=False, editable=False)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    note = models.TextField(
        _("note to the customer"), max_length=2000, blank=True, default=""
    )
    metadata = models.JSONField(default=dict, blank=True)
    external_ref = models.CharField(
        _("your reference"),
        max_length=100,
        blank=True,
        default="",
        editable=False,
        help_text="of the merchant's own order or invoice, out of an imported file",
    )
    imported_in = models.ForeignKey(
        "links.LinkImport",
        null=True,
        editable=False,
        db_index=False,  # the constraint of its rows has one
        on_delete=models.PROTECT,
        related_name="links",
    )
    import_row = models.PositiveIntegerField(
        null=True, editable=False, help_text="of that file, as a spreadsheet counts"
    )
    allowed_providers = models.JSONField(
        default=list, blank=True, help_text="slugs; empty means all"
    )
    reminder_plan = models.ForeignKey(
        "links.ReminderPlan",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("reminders"),
        help_text=_("Empty means the default plan."),
    )
    fee_of = models.ForeignKey(
        "self",
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="fees",
        help_text="the link for whose being late this one asks",
    )
    has_reminders = models.BooleanField(_("send reminders"), default=True)
    promise_due_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="when to remind of the day on which the customer said they would pay",
    )
    generation = models.PositiveIntegerField(default=1, editable=False)
    token_key_version = models.CharField(max_length=8, editable=False)
    token_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    creation_key = models.CharField(  # noqa: DJ001 - unique, so empty must be NULL
        max_length=64,
        null=True,
        unique=True,
        editable=False,
        help_text="of the form that made it, so that a double submit makes one link",
    )
    replaces = models.OneToOneField(
        "self",
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="replaced_by",
    )
    version = models.PositiveIntegerField(default=1, editable=False)
    last_channels = models.JSONField(
        default=list, editable=False, help_text="channels of the last send"
    )
    cancel_reason = models.CharField(
        max_length=300, blank=True, editable=False, help_text="shown to the customer"
    )
    created_at = models.DateTimeField(_("created"), editable=False)
    activated_at = models.DateTimeField(null=True, editable=False)
    last_sent_at = models.DateTimeField(null=True, editable=False)
    first_sent_at = models.DateTimeField(null=True, editable=False)
    first_sent_minor = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="what was asked then"
    )
    shared_at = models.DateTimeField(
        null=True, editable=False, help_text="when it was last opened to share by hand"
    )
    paid_at = models.DateTimeField(null=True, editable=False)
    closed_at = models.DateTimeField(
        null=True, editable=False, help_text="when it was canceled or expired"
    )

    objects = PaymentLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment link")
        verbose_name_plural = _("payment links")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0) | Q(amount_kind="chosen"),
                name="link_amount_positive",
            ),
            models.CheckConstraint(
                condition=Q(amount_minor=F("net_minor") + F("tax_minor")),
                name="link_amount_is_net_plus_tax",
            ),
            models.CheckConstraint(
                condition=Q(status="draft")
                | Q(number__isnull=False)
                | Q(status="canceled"),
                name="link_number_once_active",
            ),
            models.UniqueConstraint(
                fields=["external_ref"],
                condition=~Q(external_ref=""),
                name="link_external_ref_unique",
            ),
            models.UniqueConstraint(
                fields=["imported_in", "import_row"],
                condition=Q(imported_in__isnull=False),
                name="link_once_a_row",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="link_newest"),
            models.Index(fields=["customer", "-id"], name="link_by_customer"),
            models.Index(fields=["created_by", "-id"], name="link_by_creator"),
            models.Index(
                fields=["first_sent_at"],
                condition=Q(first_sent_at__isnull=False),
                name="link_by_day_sent",
            ),
            models.Index(
                fields=["paid_at"],
                condition=Q(paid_at__isnull=False),
                name="link_by_day_paid",
            ),
            models.Index(
                fields=["closed_at"],
                condition=Q(closed_at__isnull=False),
                name="link_by_day_closed",
            ),
            models.Index(fields=["status", "-id"], name="link_by_status"),
            models.Index(fields=["amount_minor", "-id"], name="link_by_amount"),
            models.Index(
                fields=["currency", "due_on"],
                include=["amount_minor", "amount_paid_minor"],
                condition=Q(status="active", is_reusable=False),
                name="link_waiting",
            ),
            models.Index(
                fields=["promise_due_at"],
                condition=Q(status="active", promise_due_at__isnull=False),
                name="link_promised",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status="active", expires_at__isnull=False),
                name="link_expiring",
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.public_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def amount_paid(self) -> Money:
        return Money(self.amount_paid_minor, self.currency)

    @property
    def balance(self) -> Money:
        """What is still asked; never below zero. Of a reusable link, each time anew."""
        if self.is_reusable:
            return self.amount
        return Money(max(self.amount_minor - self.amount_paid_minor, 0), self.currency)

    @property
    def is_used_up(self) -> bool:
        """Whether a reusable link was paid as often as it may be."""
        return self.use_limit is not None and self.uses >= self.use_limit

    @property
    def is_withdrawn(self) -> bool:
        """Canceled with a reason that the customer is told."""
        return self.status == LinkStatus.CANCELED and bool(self.cancel_reason)

    def is_past_expiry(self, now: datetime) -> bool:
        """Whether the page must treat it as expired, swept already or not."""
        return self.expires_at is not None and self.expires_at <= now

    def move_to(self, new: LinkStatus, **stamps: object) -> bool:
        """Change status if the move is legal; the caller holds the link locked.

        `stamps`: further fields set in the same statement.
        """
        old = self.status
        if new not in self.TRANSITIONS.get(old, set()):
            return False
        moved = PaymentLink.objects.filter(pk=self.pk, status=old).update(
            status=new, version=F("version") + 1, **stamps
        )
        if moved:
            self.status, self.version = str(new), self.version + 1
            for name, value in stamps.items():
                setattr(self, name, value)
        return moved == 1
