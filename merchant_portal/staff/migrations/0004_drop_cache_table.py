from django.core.management import call_command
from django.db import migrations


def drop(apps, schema_editor):
    schema_editor.execute("DROP TABLE IF EXISTS portal_cache")


def create(apps, schema_editor):
    call_command(
        "createcachetable",
        "portal_cache",
        database=schema_editor.connection.alias,
        verbosity=0,
    )


class Migration(migrations.Migration):
    """Sign-in limits and used codes have rows of their own now."""

    dependencies = [("staff", "0003_tries")]
    operations = [migrations.RunPython(drop, create)]
