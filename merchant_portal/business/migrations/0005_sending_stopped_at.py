from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("business", "0004_attaches_invoice"),
    ]

    operations = [
        migrations.AddField(
            model_name="business",
            name="sending_stopped_at",
            field=models.DateTimeField(
                editable=False,
                help_text="since when nothing is sent but mails about signing in",
                null=True,
            ),
        ),
    ]
