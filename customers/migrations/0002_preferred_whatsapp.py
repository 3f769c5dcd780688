"""Customers may prefer WhatsApp; the next channel needs no migration."""

from django.db import migrations, models

import customers.models.customers


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="customer",
            name="preferred_channel",
            field=models.CharField(
                choices=customers.models.customers.preferred_choices,
                default="email",
                max_length=8,
                verbose_name="preferred channel",
            ),
        ),
    ]
