import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0008_sealed_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="provideraccount",
            name="paced_until",
            field=models.DateTimeField(
                help_text="up to when the calls of background work are given out",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="rests_until",
            field=models.DateTimeField(
                help_text="until when background work leaves it alone, as it asked",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="Comparison",
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
                    "day",
                    models.DateField(
                        help_text="of the business, if it is that day's; null: asked for",
                        null=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Given up"),
                        ],
                        default="waiting",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("asked_at", models.DateTimeField()),
                (
                    "due_at",
                    models.DateTimeField(
                        help_text="when it is run, or a run that died is run again",
                        null=True,
                    ),
                ),
                (
                    "tries",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="also the fence"
                    ),
                ),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("problem", models.CharField(blank=True, max_length=300)),
                ("since", models.DateTimeField(null=True)),
                ("until", models.DateTimeField(null=True)),
                (
                    "seen_count",
                    models.PositiveIntegerField(
                        default=0, help_text="payments that the provider told of"
                    ),
                ),
                ("sums", models.JSONField(default=dict)),
                (
                    "booked_count",
                    models.PositiveIntegerField(
                        default=0, help_text="differences that booking settled"
                    ),
                ),
                (
                    "open_count",
                    models.PositiveIntegerField(
                        default=0, help_text="differences that are left for a person"
                    ),
                ),
                ("reviewed_at", models.DateTimeField(null=True)),
                ("review_reason", models.CharField(blank=True, max_length=300)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comparisons",
                        to="links.provideraccount",
                    ),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "comparison",
                "verbose_name_plural": "comparisons",
            },
        ),
        migrations.CreateModel(
            name="Difference",
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
                    "subject",
                    models.CharField(
                        choices=[
                            ("payment", "Payment"),
                            ("refund", "Refund"),
                            ("dispute", "Dispute"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "gap",
                    models.CharField(
                        choices=[
                            ("unknown_here", "Not in our books"),
                            ("unknown_there", "Not at the provider"),
                            ("state", "Other state"),
                            ("currency", "Other currency"),
                            ("amount", "Other amount"),
                            ("fee", "Other fee"),
                        ],
                        max_length=16,
                    ),
                ),
                ("provider_id", models.CharField(max_length=255)),
                ("provider_payment_id", models.CharField(max_length=255)),
                ("here", models.CharField(blank=True, max_length=80)),
                ("there", models.CharField(blank=True, max_length=80)),
                ("is_booked", models.BooleanField(default=False)),
                (
                    "is_known",
                    models.BooleanField(
                        default=False,
                        help_text="it stands in an earlier report, and counts there",
                    ),
                ),
                (
                    "comparison",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="differences",
                        to="links.comparison",
                    ),
                ),
            ],
            options={
                "ordering": ["is_booked", "is_known", "id"],
            },
        ),
        migrations.AddIndex(
            model_name="comparison",
            index=models.Index(
                fields=["account", "-finished_at"], name="comparison_newest"
            ),
        ),
        migrations.AddIndex(
            model_name="comparison",
            index=models.Index(
                condition=models.Q(
                    ("reviewed_at__isnull", True),
                    models.Q(
                        ("open_count__gt", 0), ("state", "failed"), _connector="OR"
                    ),
                ),
                fields=["id"],
                name="comparison_needs_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.UniqueConstraint(
                fields=("account", "day"), name="comparison_once_a_day"
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["waiting", "running"])),
                fields=("account",),
                name="comparison_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "running")),
                fields=("state",),
                name="comparison_one_running",
            ),
        ),
    ]
