from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0024_report_schedules"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="paymentlink",
            index=models.Index(
                condition=models.Q(
                    ("promise_due_at__isnull", False), ("status", "active")
                ),
                fields=["promise_due_at"],
                name="link_promised",
            ),
        ),
    ]
