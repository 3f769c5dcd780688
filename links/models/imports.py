"""Links out of a file: the file, how it is to be read, and what came of it."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right


def new_public_id() -> str:
    return ids.new("imp")


class ImportState(models.TextChoices):
    NEW = "new", _("Columns to be named")
    CHECKING = "checking", _("Being checked")
    READY = "ready", _("Ready")
    RUNNING = "running", _("Being imported")
    DONE = "done", _("Imported")
    STOPPED = "stopped", _("Dropped")


class LinkImportQuerySet(models.QuerySet["LinkImport"]):
    def visible_to(self, user: User) -> Self:
        """All of them, or only those of the agent's own files."""
        if user.may(Right.LINKS_ALL):
            return self
        if user.may(Right.LINKS_READ):
            return self.filter(created_by=user)
        return self.none()


class LinkImport(models.Model):
    """One file. Its bytes are kept in parts until it is imported or dropped.

    Whoever writes its links holds this row locked; how far they are is in its
    ImportProgress, which others may read and write meanwhile.
    """

    S = ImportState
    TRANSITIONS: ClassVar[dict[str, set[str]]] = {
        S.NEW: {S.CHECKING, S.STOPPED},
        S.CHECKING: {S.NEW, S.READY, S.CHECKING, S.STOPPED},
        S.READY: {S.CHECKING, S.NEW, S.RUNNING, S.STOPPED},
        S.RUNNING: {S.DONE, S.CHECKING, S.READY, S.NEW, S.STOPPED},
    }

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    state = models.CharField(
        _("state"),
        max_length=8,
        choices=ImportState.choices,
        default=ImportState.NEW,
        editable=False,
    )
    version = models.PositiveIntegerField(
        default=1, help_text="of the settings; a check of older ones counts for nothing"
    )
    file_name = models.CharField(
        max_length=100, blank=True, help_text="as the browser said it, only to be shown"
    )
    file_bytes = models.PositiveBigIntegerField(default=0)
    file_sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, help_text="by its bytes: csv or xlsx")
    encoding = models.CharField(max_length=16, blank=True)
    separator = models.CharField(max_length=1, blank=True)
    headings = models.JSONField(default=list)
    headings_key = models.CharField(
        max_length=64, blank=True, help_text="the same for the same headings"
    )
    setup = models.JSONField(
        default=dict, help_text="which column is what, and how it is written"
    )
    language = models.CharField(max_length=8, help_text="of the screen of who chose it")
    is_good_only = models.BooleanField(
        default=False, help_text="whether rows with mistakes are left out"
    )
    repeat = models.PositiveIntegerField(
        default=0, help_text="how often this very file was imported before, on purpose"
    )
    size = models.PositiveIntegerField(default=0, help_text="rows, when last checked")
    bad = models.PositiveIntegerField(default=0, help_text="of them with a mistake")
    report = models.JSONField(default=dict, help_text="what the last check found")
    made = models.PositiveIntegerField(default=0, help_text="links")
    problem = models.CharField(
        max_length=300, blank=True, help_text="why the last step ended without success"
    )
    tries = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[LinkImportQuerySet] = LinkImportQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("import of links")
        verbose_name_plural = _("imports of links")
        constraints = [
            models.UniqueConstraint(
                fields=["file_sha256", "repeat"],
                condition=Q(state__in=["running", "done"]),
                name="import_same_file_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(ended_at__isnull=True),
                name="import_open",
            ),
            models.Index(fields=["headings_key", "-id"], name="import_by_headings"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def good(self) -> int:
        return self.size - self.bad

    def move_to(self, new: ImportState, **more: object) -> bool:
        """Change state if that is legal and nobody did it first."""
        if new not in self.TRANSITIONS.get(self.state, set()):
            return False
        moved = LinkImport.objects.filter(pk=self.pk, state=self.state).update(
            state=new, **more
        )
        if moved:
            self.state = new
        return moved == 1


class ImportPart(models.Model):
    """Some of the bytes of a file: rows, so that every host has them and a backup too."""

    job = models.ForeignKey(LinkImport, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job", "position"], name="import_part_position_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.position}"


class ImportProgress(models.Model):
    """How far the work on a file is, and whether somebody wants it stopped."""

    job = models.OneToOneField(
        LinkImport, primary_key=True, on_delete=models.CASCADE, related_name="progress"
    )
    done = models.PositiveIntegerField(default=0, help_text="rows")
    is_stop_wanted = models.BooleanField(default=False)
    touched_at = models.DateTimeField(help_text="when somebody last worked on it")

    def __str__(self) -> str:
        return f"{self.job_id}: {self.done}"
