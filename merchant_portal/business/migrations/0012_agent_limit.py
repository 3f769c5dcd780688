from django.db import migrations, models


class Migration(migrations.Migration):
    """Up to which amount an agent asks alone."""

    dependencies = [("business", "0011_copy_invitations_to")]

    operations = [
        migrations.AddField(
            model_name="business",
            name="agent_limit_minor",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="In the smallest unit of your currency. Links above it are made by a manager or an owner; with a limit, agents ask in your own currency only. Empty: no limit.",
                null=True,
                verbose_name="an agent's links up to",
            ),
        ),
    ]
