from django.apps import AppConfig


class BusinessConfig(AppConfig):
    name = "merchant_portal.business"
    label = "business"
