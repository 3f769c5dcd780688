from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only_triggers")]

    operations = [
        migrations.CreateModel(
            name="AuditHead",
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
                (
                    "on",
                    models.DateField(
                        unique=True, help_text="the business's day that had ended"
                    ),
                ),
                ("sequence", models.PositiveBigIntegerField()),
                ("hash", models.CharField(max_length=64)),
                ("key_version", models.CharField(max_length=16)),
                ("signature", models.CharField(max_length=64)),
            ],
            options={"ordering": ["on"]},
        ),
        # Without a value until 0004 has chained what is there.
        migrations.AddField(
            "auditentry",
            "sequence",
            models.PositiveBigIntegerField(
                editable=False, null=True, help_text="1, 2, 3 … without a gap"
            ),
        ),
        migrations.AddField(
            "auditentry",
            "key_version",
            models.CharField(
                max_length=16,
                editable=False,
                null=True,
                help_text="which of AUDIT_KEYS made the hash",
            ),
        ),
        migrations.AddField(
            "auditentry",
            "previous_hash",
            models.CharField(max_length=64, editable=False, null=True),
        ),
        migrations.AddField(
            "auditentry",
            "hash",
            models.CharField(
                max_length=64,
                editable=False,
                null=True,
                help_text="of this entry and the one before it",
            ),
        ),
    ]
