"""The rate at which reminders leave, and how many one person got."""

from django.db import migrations, models
from django.db.models import Q

CHANNELS = [("email", "E-mail"), ("sms", "SMS")]


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                (
                    "channel",
                    models.CharField(
                        choices=CHANNELS,
                        max_length=8,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "free_at",
                    models.DateTimeField(
                        help_text="from when the next one may leave; the database's clock"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(
                condition=Q(("category", "reminder")),
                fields=["recipient"],
                name="message_reminded",
            ),
        ),
    ]
