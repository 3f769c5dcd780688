from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "merchant_portal.staff"
    label = "staff"

    def ready(self) -> None:
        """Record when a second factor comes or goes; allauth says so by signals."""
        from allauth.mfa import signals

        from . import receivers

        signals.authenticator_added.connect(receivers.note_added)
        signals.authenticator_removed.connect(receivers.note_removed)
