"""The merchant: one row."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class UntaxedCategory(models.TextChoices):
    """Why a line bears no tax, by the code list UNTDID 5305 of EN 16931."""

    ZERO = "Z", _("Zero rate")
    EXEMPT = "E", _("Exempt from tax")
    OUTSIDE = "O", _("Not subject to tax")


class BusinessManager(models.Manager["Business"]):
    """Leaves the logo's bytes in the database: every page asks for the business."""

    def get_queryset(self) -> models.QuerySet["Business"]:
        return super().get_queryset().defer("logo")

    def current(self) -> "Business":
        """The one business of this installation; made with defaults on first use."""
        try:
            return self.get(pk=Business.ONLY_PK)
        except Business.DoesNotExist:
            return self.get_or_create(pk=Business.ONLY_PK)[0]

    def stopped(self) -> models.QuerySet["Business"]:
        """The business, if its sending is stopped; else nothing."""
        return self.filter(pk=Business.ONLY_PK, sending_stopped_at__isnull=False)


class Business(models.Model):
    """Name, address, brand and habits of the merchant."""

    ONLY_PK = 1

    name = models.CharField(_("name"), max_length=200, default="My shop")
    legal_name = models.CharField(_("legal name"), max_length=200, blank=True)
    address = models.TextField(_("address"), max_length=500, blank=True)
    tax_id = models.CharField(_("tax number"), max_length=40, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    sender_name = models.CharField(
        _("sender of e-mails"),
        max_length=100,
        blank=True,
        help_text=_("The name that mail programs show. Empty: the name above."),
    )
    reply_to = models.EmailField(
        _("answers to e-mails go to"),
        blank=True,
        help_text=_("Empty: the e-mail address above."),
    )
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    website = models.URLField(_("website"), blank=True)
    country = models.CharField(
        _("country"), max_length=2, default="US", help_text="ISO 3166-1, two letters"
    )
    currency = models.CharField(
        _("currency"), max_length=3, default="USD", help_text="ISO 4217"
    )
    language = models.CharField(_("language"), max_length=8, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    brand_color = models.CharField(
        _("brand colour"),
        max_length=7,
        default="#1f4fd8",
        validators=[RegexValidator(r"\A#[0-9a-fA-F]{6}\Z")],
    )
    logo = models.BinaryField(_("logo"), null=True, blank=True, editable=False)
    logo_type = models.CharField(
        max_length=20, blank=True, editable=False, help_text="png, jpeg or webp"
    )
    logo_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    prices_include_tax = models.BooleanField(_("prices include tax"), default=False)
    attaches_invoice = models.BooleanField(
        _("attach the invoice to e-mails"),
        default=True,
        help_text=_(
            "As a PDF. The page of the link always offers it, where there is one."
        ),
    )
    tracks_opens = models.BooleanField(
        _("note when a mail is opened"),
        default=False,
        help_text=_(
            "A mail service then puts an invisible picture into each mail. In many"
            " places the law wants the reader's consent. Programs open mails by"
            " themselves, so it never proves that somebody read it."
        ),
    )
    attaches_receipt = models.BooleanField(
        _("attach receipts and credit notes to e-mails"),
        default=True,
        help_text=_("As a PDF. The thanks page offers the receipt in any case."),
    )
    account_holder = models.CharField(
        _("account holder"),
        max_length=70,
        blank=True,
        help_text=_("Empty: the legal name."),
    )
    iban = models.CharField(
        "IBAN",
        max_length=34,
        blank=True,
        help_text=_(
            "Invoices and payment pages then offer a bank transfer as well, in euros"
            " with a code for banking apps."
        ),
    )
    bic = models.CharField("BIC", max_length=11, blank=True)
    imprint = models.TextField(
        _("imprint"),
        max_length=2000,
        blank=True,
        help_text=_(
            "Who runs the business, as the law asks; also at the foot of PDFs."
        ),
    )
    terms_url = models.URLField(_("address of your terms"), blank=True)
    terms = models.TextField(
        _("terms"),
        max_length=40_000,
        blank=True,
        help_text=_("Shown on a page of its own where no address is given."),
    )
    privacy_url = models.URLField(_("address of your privacy notice"), blank=True)
    privacy = models.TextField(
        _("privacy notice"),
        max_length=40_000,
        blank=True,
        help_text=_("Shown on a page of its own where no address is given."),
    )
    factur_x = models.BooleanField(
        _("put an e-invoice into the PDF"),
        default=False,
        help_text=_(
            "Factur-X / ZUGFeRD, profile EN 16931: programs read the invoice without"
            " typing. It needs your address, country and tax number."
        ),
    )
    untaxed_category = models.CharField(
        _("lines without tax are"),
        max_length=1,
        choices=UntaxedCategory.choices,
        default=UntaxedCategory.ZERO,
    )
    untaxed_reason = models.CharField(
        _("reason for no tax"),
        max_length=200,
        blank=True,
        help_text=_("As your law words it; printed on invoices with such lines."),
    )
    own_refund_limit_minor = models.PositiveBigIntegerField(
        _("refunds of one's own proposal up to"),
        null=True,
        blank=True,
        help_text=_(
            "In the smallest unit of your currency. Above it another person has to"
            " approve what an owner proposed; empty: never."
        ),
    )
    agent_limit_minor = models.PositiveBigIntegerField(
        _("an agent's links up to"),
        null=True,
        blank=True,
        help_text=_(
            "In the smallest unit of your currency. Links above it are made by a manager"
            " or an owner; with a limit, agents ask in your own currency only. Empty: no"
            " limit."
        ),
    )
    rests_on_weekends = models.BooleanField(
        _("no reminders on weekends"),
        default=False,
        help_text=_("Of the customer's country; what comes due waits for a weekday."),
    )
    rests_on_holidays = models.BooleanField(
        _("no reminders on public holidays"),
        default=False,
        help_text=_("Of the customer's country; where none is known, of yours."),
    )
    undo_seconds = models.PositiveSmallIntegerField(
        _("seconds to undo a send"),
        default=10,
        validators=[MaxValueValidator(120)],
        help_text=_(
            "What you send from these screens waits that long, so that it can be taken"
            " back. At most 120; 0 sends at once."
        ),
    )
    daily_email_limit = models.PositiveIntegerField(
        _("e-mails a day"),
        null=True,
        blank=True,
        help_text=_(
            "Once that many have left today, reminders and sendings to many wait for"
            " tomorrow; what a person sends still goes. Empty: no limit."
        ),
    )
    daily_sms_limit = models.PositiveIntegerField(
        _("SMS a day"),
        null=True,
        blank=True,
        help_text=_("As for e-mails. Empty: no limit."),
    )
    copy_invitations_to = models.EmailField(
        _("copy of every invitation and reminder to"),
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "Your own mailbox. Each e-mail that asks for money is followed by a copy"
            " of it. Empty: no copies."
        ),
    )
    sending_stopped_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="since when nothing is sent but mails about signing in",
    )
    setup_closed_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="since when the front page no longer leads through setting up",
    )
    is_sample = models.BooleanField(default=False, editable=False)

    objects: ClassVar[BusinessManager] = BusinessManager()

    class Meta:
        verbose_name = _("business")
        verbose_name_plural = _("business")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="business_only_one")
        ]

    def __str__(self) -> str:
        return self.name
