"""Sign-in and account pages: of allauth's, only those that staff need."""

from allauth.account import views as account
from django.urls import include, path, re_path

from . import views

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path(
        "reauthenticate/",
        views.ProveByPasswordView.as_view(),
        name="account_reauthenticate",
    ),
    path("password/change/", account.password_change, name="account_change_password"),
    path(
        "password/reset/",
        views.PasswordResetView.as_view(),
        name="account_reset_password",
    ),
    path(
        "password/reset/done/",
        account.password_reset_done,
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path(
        "2fa/totp/deactivate/",
        views.SwitchOffAppView.as_view(),
        name="mfa_deactivate_totp",
    ),
    path(
        "2fa/reauthenticate/",
        views.ProveByCodeView.as_view(),
        name="mfa_reauthenticate",
    ),
    path(
        "2fa/webauthn/reauthenticate/",
        views.ProveByPasskeyView.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path("2fa/webauthn/add/", views.AddPasskeyView.as_view(), name="mfa_add_webauthn"),
    path(
        "2fa/webauthn/keys/<int:pk>/remove/",
        views.RemovePasskeyView.as_view(),
        name="mfa_remove_webauthn",
    ),
    path("sessions/", views.SessionsView.as_view(), name="usersessions_list"),
    path("sessions/<int:pk>/end/", views.end_session, name="usersessions_end"),
    path("2fa/", include("allauth.mfa.urls")),
]
