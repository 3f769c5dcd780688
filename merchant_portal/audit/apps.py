from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "merchant_portal.audit"
    label = "audit"

    def ready(self) -> None:
        from .checks import require_triggers  # needs the models

        post_migrate.connect(require_triggers, sender=self)
