from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("business", "0003_money_back"),
    ]

    operations = [
        migrations.AddField(
            model_name="business",
            name="attaches_invoice",
            field=models.BooleanField(
                default=True,
                help_text="As a PDF. The page of the link always offers it, where there is one.",
                verbose_name="attach the invoice to e-mails",
            ),
        ),
    ]
