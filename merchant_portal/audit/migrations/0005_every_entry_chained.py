from django.db import migrations, models

from merchant_portal.audit import triggers


def install(apps, schema_editor):
    triggers.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_chain_what_is_there")]

    operations = [
        # SQLite rebuilds the table, which drops its triggers: this way and back.
        migrations.RunPython(migrations.RunPython.noop, install),
        migrations.AlterField(
            "auditentry",
            "sequence",
            models.PositiveBigIntegerField(
                editable=False, help_text="1, 2, 3 … without a gap"
            ),
        ),
        migrations.AlterField(
            "auditentry",
            "key_version",
            models.CharField(
                max_length=16,
                editable=False,
                help_text="which of AUDIT_KEYS made the hash",
            ),
        ),
        migrations.AlterField(
            "auditentry",
            "previous_hash",
            models.CharField(max_length=64, editable=False),
        ),
        migrations.AlterField(
            "auditentry",
            "hash",
            models.CharField(
                max_length=64,
                editable=False,
                help_text="of this entry and the one before it",
            ),
        ),
        migrations.AddConstraint(
            "auditentry",
            models.UniqueConstraint(fields=["sequence"], name="audit_sequence_unique"),
        ),
        migrations.RunPython(install, migrations.RunPython.noop),
    ]
