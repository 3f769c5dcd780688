from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("links", "0007_disputes")]

    operations = [
        migrations.AddField(
            model_name="provideraccount",
            name="sealed_keys",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="entered by an owner; only services/keyring.py opens them",
            ),
        ),
        migrations.AddField(
            model_name="provideraccount",
            name="keys_set_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="provideraccount",
            constraint=models.UniqueConstraint(
                condition=models.Q(("sealed_keys", ""), _negated=True),
                fields=("slug",),
                name="provider_account_one_set_of_keys",
            ),
        ),
    ]
