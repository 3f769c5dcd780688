from typing import Any

from django.core.management.base import BaseCommand

from notifications.services import mail_compiler


class Command(BaseCommand):
    help = "Write the HTML beside each MJML template; run it after changing one."
    requires_system_checks = ()  # they need what this makes

    def handle(self, *args: Any, **options: Any) -> None:
        changed = 0
        for source in mail_compiler.sources():
            target = source.with_suffix(".html")
            fresh = mail_compiler.compiled(source)
            if not target.exists() or target.read_text(encoding="utf-8") != fresh:
                target.write_text(fresh, encoding="utf-8")
                changed += 1
        self.stdout.write(f"{changed} of {len(mail_compiler.sources())} files changed.")
