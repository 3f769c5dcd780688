from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("links", "0002_line_description_width"),
    ]

    operations = [
        migrations.CreateModel(
            name="LastSweep",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(id=1), name="last_sweep_is_one"
                    )
                ],
            },
        ),
    ]
