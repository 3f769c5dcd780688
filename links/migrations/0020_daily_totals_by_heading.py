from typing import Any

from django.conf import settings
from django.db import migrations, models


def note_first_sending(apps: Any, _schema_editor: Any) -> None:
    """The first of the sendings on its timeline; `rebuild_totals` counts by it."""
    activity = apps.get_model("links", "Activity")
    sent = activity.objects.filter(link=models.OuterRef("pk"), kind="link.sent")
    apps.get_model("links", "PaymentLink").objects.filter(
        last_sent_at__isnull=False
    ).update(
        first_sent_at=models.Subquery(sent.order_by("id").values("at")[:1]),
        first_sent_minor=models.F("amount_minor"),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0003_postal_address"),
        ("links", "0019_joint_payments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="dailytotal",
            options={"verbose_name": "report", "verbose_name_plural": "reports"},
        ),
        migrations.RemoveConstraint(
            model_name="dailytotal",
            name="daily_total_once",
        ),
        migrations.AddField(
            model_name="dailytotal",
            name="account_pk",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="dailytotal",
            name="fee_minor",
            field=models.BigIntegerField(
                default=0, help_text="kept by the provider, as far as it is known"
            ),
        ),
        migrations.AddField(
            model_name="dailytotal",
            name="method",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="dailytotal",
            name="staff_pk",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="paymentlink",
            name="first_sent_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="paymentlink",
            name="first_sent_minor",
            field=models.PositiveBigIntegerField(
                default=0, editable=False, help_text="what was asked then"
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(
                condition=models.Q(("state", "lost")),
                fields=["closed_at"],
                name="dispute_by_day",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("state", "succeeded")),
                fields=["occurred_at"],
                name="payment_by_day",
            ),
        ),
        migrations.AddIndex(
            model_name="paymentlink",
            index=models.Index(
                condition=models.Q(("first_sent_at__isnull", False)),
                fields=["first_sent_at"],
                name="link_by_day_sent",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("state", "succeeded")),
                fields=["occurred_at"],
                name="refund_by_day",
            ),
        ),
        migrations.AddConstraint(
            model_name="dailytotal",
            constraint=models.UniqueConstraint(
                fields=(
                    "day",
                    "measure",
                    "currency",
                    "account_pk",
                    "method",
                    "staff_pk",
                ),
                name="daily_total_once",
            ),
        ),
        migrations.RunPython(note_first_sending, migrations.RunPython.noop),
    ]
