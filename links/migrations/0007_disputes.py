import django.db.models.deletion
from django.db import migrations, models

import links.models.disputes


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0006_fees"),
    ]

    operations = [
        migrations.AlterField(
            model_name="dailytotal",
            name="measure",
            field=models.CharField(
                choices=[
                    ("sent", "Sent"),
                    ("paid", "Paid"),
                    ("refunded", "Given back"),
                    ("lost", "Lost to disputes"),
                ],
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=links.models.disputes.new_public_id,
                        max_length=24,
                        unique=True,
                    ),
                ),
                ("provider_dispute_id", models.CharField(max_length=255)),
                ("provider_payment_id", models.CharField(blank=True, max_length=255)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("needs_response", "To answer"),
                            ("under_review", "Under review"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "amount_minor",
                    models.PositiveBigIntegerField(help_text="minor currency units"),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "reason",
                    models.CharField(
                        blank=True, help_text="provider's word", max_length=300
                    ),
                ),
                (
                    "opened_at",
                    models.DateTimeField(help_text="by the provider's clock"),
                ),
                (
                    "respond_by",
                    models.DateTimeField(
                        help_text="until when it may be answered at the provider",
                        null=True,
                    ),
                ),
                (
                    "changed_at",
                    models.DateTimeField(
                        help_text="by the provider's clock, where it tells", null=True
                    ),
                ),
                (
                    "closed_at",
                    models.DateTimeField(
                        help_text="when it was won or lost", null=True
                    ),
                ),
                ("recorded_at", models.DateTimeField()),
                (
                    "next_check_at",
                    models.DateTimeField(
                        help_text="when the provider is asked about it next", null=True
                    ),
                ),
                (
                    "answered_at",
                    models.DateTimeField(
                        help_text="when a person said that it is answered", null=True
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="links.provideraccount",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="links.payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "dispute",
                "verbose_name_plural": "disputes",
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_check_at__isnull", False)),
                        fields=["next_check_at"],
                        name="dispute_to_check",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("answered_at__isnull", True), ("state", "needs_response")
                        ),
                        fields=["respond_by"],
                        name="dispute_needs_person",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "provider_dispute_id"), name="dispute_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("closed_at__isnull", False),
                                ("state__in", ["won", "lost"]),
                            ),
                            models.Q(
                                models.Q(("state__in", ["won", "lost"]), _negated=True),
                                ("closed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="dispute_closed_with_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TrainingDispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("dispute_id", models.CharField(max_length=64, unique=True)),
                ("state", models.CharField(max_length=16)),
                ("amount_minor", models.PositiveBigIntegerField()),
                ("opened_at", models.DateTimeField()),
                ("respond_by", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("version", models.PositiveSmallIntegerField(default=1)),
                ("webhook_at", models.DateTimeField(null=True)),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="disputes",
                        to="links.trainingpayment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("webhook_at__isnull", False)),
                        fields=["webhook_at"],
                        name="training_dispute_webhook_due",
                    )
                ],
            },
        ),
    ]
