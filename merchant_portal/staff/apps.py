from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "merchant_portal.staff"
    label = "staff"

    def ready(self) -> None:
        """Record when a second factor comes or goes, or somebody proves who they are;
        allauth says so by signals."""
        from allauth.account.signals import authentication_step_completed
        from allauth.mfa import signals

        from . import receivers

        signals.authenticator_added.connect(receivers.note_added)
        signals.authenticator_removed.connect(receivers.note_removed)
        authentication_step_completed.connect(receivers.note_proved)
