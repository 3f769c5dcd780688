from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ...unfold_overrides import UpstreamChanged, overrides


class Command(BaseCommand):
    help = "Write the changed Unfold templates again, after an upgrade of Unfold."

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = settings.BASE_DIR / "templates"
        try:
            for name, text in overrides():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
                self.stdout.write(name)
        except UpstreamChanged as exc:
            raise CommandError(
                f"Unfold changed: {exc}. Mend merchant_portal/staff/unfold_overrides.py."
            ) from exc
