"""WhatsApp: approved templates, and what people write to our numbers."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import notifications.models.messages


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0005_own_words"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="messagecontent",
            name="template",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="an approved template and its values, as JSON; WhatsApp only",
            ),
        ),
        migrations.AlterField(
            model_name="allowance",
            name="channel",
            field=models.CharField(
                choices=notifications.models.messages.channel_choices,
                max_length=8,
                primary_key=True,
                serialize=False,
            ),
        ),
        migrations.AlterField(
            model_name="channelpause",
            name="channel",
            field=models.CharField(
                choices=notifications.models.messages.channel_choices,
                max_length=8,
                primary_key=True,
                serialize=False,
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="channel",
            field=models.CharField(
                choices=notifications.models.messages.channel_choices, max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="optout",
            name="channel",
            field=models.CharField(
                choices=notifications.models.messages.channel_choices, max_length=8
            ),
        ),
        migrations.CreateModel(
            name="WhatsAppTemplate",
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
                    "kind",
                    models.CharField(max_length=32, verbose_name="kind of message"),
                ),
                ("language", models.CharField(max_length=8, verbose_name="language")),
                (
                    "content_sid",
                    models.CharField(max_length=34, verbose_name="content SID"),
                ),
                (
                    "body",
                    models.TextField(max_length=1600, verbose_name="approved text"),
                ),
                ("placeholders", models.JSONField(default=list, verbose_name="values")),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "WhatsApp template",
                "verbose_name_plural": "WhatsApp templates",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "language"), name="whatsapp_template_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="InboundMessage",
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
                ("carrier_message_id", models.CharField(max_length=64)),
                (
                    "channel",
                    models.CharField(
                        choices=notifications.models.messages.channel_choices,
                        max_length=8,
                        verbose_name="channel",
                    ),
                ),
                ("address", models.CharField(max_length=254, verbose_name="from")),
                ("text", models.TextField(blank=True, verbose_name="words")),
                ("meaning", models.CharField(blank=True, max_length=8)),
                ("answer", models.TextField(blank=True)),
                ("reference", models.CharField(blank=True, max_length=24)),
                ("at", models.DateTimeField(verbose_name="at")),
                ("looked_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "closed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "text from a customer",
                "verbose_name_plural": "texts from customers",
                "indexes": [
                    models.Index(fields=["address", "at"], name="inbound_by_address"),
                    models.Index(
                        condition=models.Q(("closed_at", None)),
                        fields=["id"],
                        name="inbound_open",
                    ),
                    models.Index(
                        condition=models.Q(("looked_at", None)),
                        fields=["id"],
                        name="inbound_new",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("carrier_message_id",), name="inbound_message_once"
                    )
                ],
            },
        ),
    ]
