from django.apps import AppConfig


class LinksConfig(AppConfig):
    name = "links"
    label = "links"

    def ready(self) -> None:
        from notifications.signals import message_settled

        from .providers import credentials
        from .services import climbing, keyring, undelivered

        message_settled.connect(climbing.heard_of, dispatch_uid="links.climbing")
        message_settled.connect(undelivered.heard_of, dispatch_uid="links.undelivered")
        credentials.entered_by(lambda: keyring.held().entered)
