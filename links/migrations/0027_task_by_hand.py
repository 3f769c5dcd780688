from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0026_link_by_amount"),
    ]

    operations = [
        migrations.AlterField(
            model_name="stafftask",
            name="kind",
            field=models.CharField(
                choices=[
                    ("step", "Reminder plan"),
                    ("unreached", "Not reached"),
                    ("staff", "From a colleague"),
                ],
                max_length=12,
                verbose_name="kind",
            ),
        ),
    ]
