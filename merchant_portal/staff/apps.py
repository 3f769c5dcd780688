from django.apps import AppConfig


class StaffConfig(AppConfig):
    name = "merchant_portal.staff"
    label = "staff"
