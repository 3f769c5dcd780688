"""Who pays, and how they can be reached."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids


class ContactKind(models.TextChoices):
    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")


class PreferredChannel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    WHATSAPP = "whatsapp", _("WhatsApp")


def preferred_choices() -> list[tuple[str, str]]:
    """Named by the column instead of a list, so that another needs no migration."""
    return [(one.value, str(one.label)) for one in PreferredChannel]


def new_public_id() -> str:
    return ids.new("cus")


class Customer(models.Model):
    """A person or company that is asked to pay."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    name = models.CharField(_("name"), max_length=800, help_text="200 characters")
    language = models.CharField(_("language"), max_length=8, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    address = models.TextField(
        _("postal address"), max_length=500, blank=True, help_text="printed on papers"
    )
    tax_id = models.CharField(_("tax number"), max_length=40, blank=True)
    preferred_channel = models.CharField(
        _("preferred channel"),
        max_length=8,
        choices=preferred_choices,
        default=PreferredChannel.EMAIL,
    )
    source = models.CharField(
        max_length=40, blank=True, help_text="the system it came from"
    )
    external_ref = models.CharField(
        _("reference"), max_length=100, blank=True, help_text="their id over there"
    )
    tags = models.JSONField(default=list, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)
    note = models.TextField(_("note"), max_length=4000, blank=True)
    search_text = models.TextField(editable=False, default="")
    is_sample = models.BooleanField(default=False, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
    )
    erased_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_ref"],
                condition=~Q(external_ref=""),
                name="customer_external_ref_unique",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ContactPoint(models.Model):
    """One e-mail address or phone number of a customer, in its one canonical form."""

    customer = models.ForeignKey(
        Customer, on_delete=models.CASCADE, related_name="contact_points"
    )
    kind = models.CharField(max_length=8, choices=ContactKind.choices)
    value = models.CharField(
        max_length=254, help_text="lower-case punycode address, or E.164"
    )
    is_primary = models.BooleanField(default=True)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "kind", "value"], name="contact_point_once"
            ),
            models.UniqueConstraint(
                fields=["customer", "kind"],
                condition=Q(is_primary=True),
                name="contact_point_one_primary",
            ),
        ]
        indexes = [models.Index(fields=["value"], name="contact_point_by_value")]

    def __str__(self) -> str:
        return self.value
