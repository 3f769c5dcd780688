from django.urls import re_path

from . import views

urlpatterns = [
    re_path(
        r"^brand/(?P<digest>[0-9a-f]{16})\.(?P<extension>png|jpeg|webp)$",
        views.logo,
        name="brand_logo",
    ),
]
