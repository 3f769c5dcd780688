from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    label = "notifications"
    verbose_name = _("Messages")

    def ready(self) -> None:
        """Let every app say which kinds of messages it sends."""
        from . import checks  # noqa: F401  registers itself

        autodiscover_modules("message_kinds")
