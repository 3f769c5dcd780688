from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("business", "0007_sender_of_mails"),
    ]

    operations = [
        migrations.AddField(
            model_name="business",
            name="tracks_opens",
            field=models.BooleanField(
                default=False,
                help_text="A mail service then puts an invisible picture into each mail. In many places the law wants the reader's consent. Programs open mails by themselves, so it never proves that somebody read it.",
                verbose_name="note when a mail is opened",
            ),
        ),
    ]
