"""The screens of this app; Django finds them by importing this package."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group

from . import api_keys, audit_log, business, users

__all__ = ["api_keys", "audit_log", "business", "users"]

# Brought by their apps; they know nothing of the rights here, and nobody needs them.
admin.site.unregister([Authenticator, EmailAddress, Group, UserSession])
