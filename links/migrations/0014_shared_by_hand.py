from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0013_plans_with_ladders"),
    ]

    operations = [
        migrations.AddField(
            model_name="paymentlink",
            name="shared_at",
            field=models.DateTimeField(
                editable=False,
                help_text="when it was last opened to share by hand",
                null=True,
            ),
        ),
    ]
