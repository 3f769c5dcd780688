"""The API: mounts each app's router under /api/v1/."""
