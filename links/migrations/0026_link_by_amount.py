from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0025_link_promised"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="paymentlink",
            index=models.Index(fields=["amount_minor", "-id"], name="link_by_amount"),
        ),
    ]
