import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0003_last_sweep"),
    ]

    operations = [
        migrations.CreateModel(
            name="TrainingRefund",
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
                ("refund_id", models.CharField(max_length=64, unique=True)),
                ("reference", models.CharField(blank=True, max_length=45)),
                ("amount_minor", models.PositiveBigIntegerField()),
                ("created_at", models.DateTimeField()),
                ("webhook_at", models.DateTimeField(null=True)),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refunds",
                        to="links.trainingpayment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("webhook_at__isnull", False)),
                        fields=["webhook_at"],
                        name="training_refund_webhook_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("reference", ""), _negated=True),
                        fields=("reference",),
                        name="training_refunded_once",
                    )
                ],
            },
        ),
    ]
