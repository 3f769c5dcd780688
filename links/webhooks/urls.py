from django.urls import path

from . import views

urlpatterns = [
    path("<slug:provider>/", views.provider_webhook, name="provider_webhook"),
]
