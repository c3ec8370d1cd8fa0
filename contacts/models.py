"""People and companies, the fields that Nimble knows of them, and their notes."""

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.keyset import SortedText
from nimble.models import Workspace
from sync.mirror import Mirrored, Sight


class RecordType(models.TextChoices):
    PERSON = "person", _("Person")
    COMPANY = "company", _("Company")


class ContactField(models.Model):
    """What Nimble says of a field of people or of companies, as the tabs and groups of these lay it out."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    # Empty: of both.
    record_type = models.CharField(max_length=10, choices=RecordType.choices, blank=True, default="")
    field_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    modifier = models.CharField(max_length=64, blank=True, default="")
    label = models.CharField(max_length=255, blank=True, default="")
    kind = models.CharField(max_length=30, blank=True, default="")
    choices = models.JSONField(default=list, blank=True)
    presentation = models.JSONField(default=dict, blank=True)
    multiples = models.BooleanField(default=False)
    read_only = models.BooleanField(default=False)
    tab = models.CharField(max_length=255, blank=True, default="")
    group = models.CharField(max_length=255, blank=True, default="")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "record_type", "field_id"], name="contact_field_once")
        ]

    def __str__(self) -> str:
        return self.label or self.name


class Contact(Mirrored):
    """A person or a company."""

    kind = "contact"

    record_type = models.CharField(max_length=10, choices=RecordType.choices, default=RecordType.PERSON)
    name = models.CharField(max_length=500)
    sort_name = SortedText(max_length=200, blank=True, default="")
    first_name = models.CharField(max_length=255, blank=True, default="")
    last_name = models.CharField(max_length=255, blank=True, default="")
    title = models.CharField(max_length=255, blank=True, default="")
    company_name = models.CharField(max_length=500, blank=True, default="")
    company_nimble_id = models.CharField(max_length=64, blank=True, default="")
    email = models.CharField(max_length=320, blank=True, default="")
    phone = models.CharField(max_length=100, blank=True, default="")
    description = models.TextField(blank=True, default="")
    owner_id = models.CharField(max_length=64, blank=True, default="")
    tags = models.JSONField(default=list, blank=True)
    tag_index = models.TextField(blank=True, default="")
    search = models.TextField(blank=True, default="")
    is_private = models.BooleanField(default=False)
    created_in_nimble = models.DateTimeField(null=True, blank=True)
    updated_in_nimble = models.DateTimeField(null=True, blank=True)
    # The notes stream: read up to, and due again because the contact changed or was opened.
    notes_read_at = models.DateTimeField(null=True, blank=True)
    notes_due = models.BooleanField(default=True)

    class Meta(Mirrored.Meta):
        indexes = [
            # One for each sort of the lists, one that counts them without reading a row.
            models.Index(
                fields=["workspace", "sort_name", "id"], name="contact_by_name", condition=models.Q(gone_at=None)
            ),
            models.Index(
                fields=["workspace", "-updated_in_nimble", "-id"],
                name="contact_by_updated",
                condition=models.Q(gone_at=None),
            ),
            models.Index(fields=["workspace", "gone_at", "record_type", "is_private"], name="contact_counted"),
            models.Index(fields=["workspace", "company_nimble_id"], name="contact_company"),
            models.Index(fields=["workspace", "notes_due"], name="contact_notes_due"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("contacts:company" if self.is_company else "contacts:contact", args=[self.pk])

    @property
    def is_company(self) -> bool:
        return self.record_type == RecordType.COMPANY


class ContactSight(Sight):
    record = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="sights")

    class Meta(Sight.Meta):
        indexes = [
            # Few are hidden, and every list asks whether one is.
            models.Index(
                fields=["record", "connection"], name="contact_hidden", condition=models.Q(hidden_at__isnull=False)
            )
        ]


class ContactNote(Mirrored):
    """A note on one contact or more. `html` was cleaned when it came in."""

    kind = "contact_note"

    contacts = models.ManyToManyField(Contact, related_name="notes")
    html = models.TextField(blank=True, default="")
    text = models.TextField(blank=True, default="")
    author_id = models.CharField(max_length=64, blank=True, default="")
    author_name = models.CharField(max_length=255, blank=True, default="")
    removed = models.BooleanField(default=False)
    written_at = models.DateTimeField(null=True, blank=True)

    class Meta(Mirrored.Meta):
        ordering = ["-written_at", "-pk"]

    def __str__(self) -> str:
        return self.text[:60]
