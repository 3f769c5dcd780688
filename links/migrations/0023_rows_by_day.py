from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("links", "0022_till")]

    operations = [
        migrations.AddIndex(
            model_name="paymentlink",
            index=models.Index(
                fields=["paid_at"],
                condition=models.Q(("paid_at__isnull", False)),
                name="link_by_day_paid",
            ),
        ),
        migrations.AddIndex(
            model_name="paymentlink",
            index=models.Index(
                fields=["closed_at"],
                condition=models.Q(("closed_at__isnull", False)),
                name="link_by_day_closed",
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(fields=["opened_at"], name="dispute_by_day_opened"),
        ),
    ]
