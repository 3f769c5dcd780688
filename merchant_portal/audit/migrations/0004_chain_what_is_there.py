from django.db import migrations

from merchant_portal.audit import chain, triggers

BATCH = 500


def chain_entries(apps, schema_editor):
    """Chain the entries from before, in the order in which they were added.

    The triggers are lifted inside the migration's own transaction only.
    """
    connection = schema_editor.connection
    entry_model = apps.get_model("audit", "AuditEntry")
    unchained = entry_model.objects.filter(sequence__isnull=True).order_by("pk")
    sequence, previous_hash, version = 0, chain.GENESIS, chain.newest_key()
    triggers.remove(connection)
    while page := list(unchained[:BATCH]):
        for entry in page:
            sequence += 1
            entry.sequence, entry.key_version = sequence, version
            entry.previous_hash = previous_hash
            entry.hash = previous_hash = chain.entry_hash(
                previous_hash,
                chain.Content(
                    entry.at,
                    entry.actor,
                    entry.action,
                    entry.object_id,
                    entry.details,
                ),
                version,
            )
        entry_model.objects.bulk_update(
            page, ["sequence", "key_version", "previous_hash", "hash"], batch_size=100
        )
    triggers.install(connection)


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_hash_chain")]

    operations = [migrations.RunPython(chain_entries, migrations.RunPython.noop)]
