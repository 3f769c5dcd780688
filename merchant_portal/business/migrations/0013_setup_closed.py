from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("business", "0012_agent_limit"),
    ]

    operations = [
        migrations.AddField(
            model_name="business",
            name="setup_closed_at",
            field=models.DateTimeField(
                editable=False,
                help_text="since when the front page no longer leads through setting up",
                null=True,
            ),
        ),
    ]
