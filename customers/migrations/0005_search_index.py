"""Parts of words are looked up in an index, where the database has one for them.

PostgreSQL's pg_trgm comes with it and may be switched on by the owner of a database. Where
it is missing, and on SQLite, search reads the table: right, and slower in a large shop.
"""

from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.utils import DatabaseError

INDEX = "customer_search_text"


def add(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    connection = editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=connection.alias):
            editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        return
    editor.execute(
        f"CREATE INDEX {INDEX} ON customers_customer USING gin (search_text gin_trgm_ops)"
    )


def remove(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(f"DROP INDEX IF EXISTS {INDEX}")


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0004_created_by"),
    ]

    operations = [migrations.RunPython(add, remove)]
