from django.apps import AppConfig


class LinksConfig(AppConfig):
    name = "links"
    label = "links"

    def ready(self) -> None:
        from notifications.signals import message_settled

        from .providers import credentials
        from .services import climbing, keyring

        message_settled.connect(climbing.heard_of, dispatch_uid="links.climbing")
        credentials.entered_by(lambda: keyring.held().entered)
