"""The front page of the admin."""
