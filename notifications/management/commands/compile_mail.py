from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from notifications.services import mail_compiler, templates


class Command(BaseCommand):
    help = (
        "Write the HTML beside each MJML template; run it after changing one."
        " With --own: put the merchant's own words into the frame anew."
    )
    requires_system_checks = ()  # they need what this makes

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--own", action="store_true", help="after an upgrade")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["own"]:
            self.stdout.write(f"{templates.frame_anew()} own mails changed.")
            return
        changed = 0
        for source in mail_compiler.sources():
            target = source.with_suffix(".html")
            fresh = mail_compiler.compiled(source)
            if not target.exists() or target.read_text(encoding="utf-8") != fresh:
                target.write_text(fresh, encoding="utf-8")
                changed += 1
        self.stdout.write(f"{changed} of {len(mail_compiler.sources())} files changed.")
