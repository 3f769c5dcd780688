import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import links.models.imports


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0003_postal_address"),
        ("links", "0020_daily_totals_by_heading"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LinkImport",
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
                    "public_id",
                    models.CharField(
                        default=links.models.imports.new_public_id,
                        editable=False,
                        max_length=24,
                        unique=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "Columns to be named"),
                            ("checking", "Being checked"),
                            ("ready", "Ready"),
                            ("running", "Being imported"),
                            ("done", "Imported"),
                            ("stopped", "Dropped"),
                        ],
                        default="new",
                        editable=False,
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "version",
                    models.PositiveIntegerField(
                        default=1,
                        help_text="of the settings; a check of older ones counts for nothing",
                    ),
                ),
                (
                    "file_name",
                    models.CharField(
                        blank=True,
                        help_text="as the browser said it, only to be shown",
                        max_length=100,
                    ),
                ),
                ("file_bytes", models.PositiveBigIntegerField(default=0)),
                ("file_sha256", models.CharField(max_length=64)),
                (
                    "kind",
                    models.CharField(
                        help_text="by its bytes: csv or xlsx", max_length=8
                    ),
                ),
                ("encoding", models.CharField(blank=True, max_length=16)),
                ("separator", models.CharField(blank=True, max_length=1)),
                ("headings", models.JSONField(default=list)),
                (
                    "headings_key",
                    models.CharField(
                        blank=True,
                        help_text="the same for the same headings",
                        max_length=64,
                    ),
                ),
                (
                    "setup",
                    models.JSONField(
                        default=dict,
                        help_text="which column is what, and how it is written",
                    ),
                ),
                (
                    "language",
                    models.CharField(
                        help_text="of the screen of who chose it", max_length=8
                    ),
                ),
                (
                    "is_good_only",
                    models.BooleanField(
                        default=False,
                        help_text="whether rows with mistakes are left out",
                    ),
                ),
                (
                    "repeat",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="how often this very file was imported before, on purpose",
                    ),
                ),
                (
                    "size",
                    models.PositiveIntegerField(
                        default=0, help_text="rows, when last checked"
                    ),
                ),
                (
                    "bad",
                    models.PositiveIntegerField(
                        default=0, help_text="of them with a mistake"
                    ),
                ),
                (
                    "report",
                    models.JSONField(
                        default=dict, help_text="what the last check found"
                    ),
                ),
                ("made", models.PositiveIntegerField(default=0, help_text="links")),
                (
                    "problem",
                    models.CharField(
                        blank=True,
                        help_text="why the last step ended without success",
                        max_length=300,
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "import of links",
                "verbose_name_plural": "imports of links",
            },
        ),
        migrations.AddField(
            model_name="paymentlink",
            name="external_ref",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="of the merchant's own order or invoice, out of an imported file",
                max_length=100,
                verbose_name="your reference",
            ),
        ),
        migrations.AddField(
            model_name="paymentlink",
            name="import_row",
            field=models.PositiveIntegerField(
                editable=False,
                help_text="of that file, as a spreadsheet counts",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="ImportProgress",
            fields=[
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="progress",
                        serialize=False,
                        to="links.linkimport",
                    ),
                ),
                ("done", models.PositiveIntegerField(default=0, help_text="rows")),
                ("is_stop_wanted", models.BooleanField(default=False)),
                (
                    "touched_at",
                    models.DateTimeField(help_text="when somebody last worked on it"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportPart",
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
                ("position", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="links.linkimport",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="paymentlink",
            name="imported_in",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="links",
                to="links.linkimport",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentlink",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_ref", ""), _negated=True),
                fields=("external_ref",),
                name="link_external_ref_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentlink",
            constraint=models.UniqueConstraint(
                condition=models.Q(("imported_in__isnull", False)),
                fields=("imported_in", "import_row"),
                name="link_once_a_row",
            ),
        ),
        migrations.AddIndex(
            model_name="linkimport",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["id"],
                name="import_open",
            ),
        ),
        migrations.AddIndex(
            model_name="linkimport",
            index=models.Index(
                fields=["headings_key", "-id"], name="import_by_headings"
            ),
        ),
        migrations.AddConstraint(
            model_name="linkimport",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["running", "done"])),
                fields=("file_sha256", "repeat"),
                name="import_same_file_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="importpart",
            constraint=models.UniqueConstraint(
                fields=("job", "position"), name="import_part_position_once"
            ),
        ),
    ]
