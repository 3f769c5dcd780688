from django.apps import AppConfig


class LinksConfig(AppConfig):
    name = "links"
    label = "links"

    def ready(self) -> None:
        from .providers import credentials
        from .services import keyring

        credentials.entered_by(lambda: keyring.held().entered)
