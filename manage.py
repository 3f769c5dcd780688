#!/usr/bin/env python
"""Run a management command of the merchant portal."""

import os
import sys

from django.core.management import execute_from_command_line

from merchant_portal.environment import WrongSetting

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
    try:
        execute_from_command_line(sys.argv)
    except WrongSetting as exc:
        sys.exit(f"Wrong setting: {exc}")
