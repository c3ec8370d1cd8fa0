"""Changing one field of a contact at a time. What nobody touched stays byte for byte as Nimble has it."""

from contacts.forms.base import FieldForm
from contacts.forms.rows import RowsForm
from contacts.forms.values import EmploymentForm, TagsForm, ValueForm

# By `Record.editor`.
FORMS: dict[str, type[FieldForm]] = {
    "value": ValueForm,
    "employment": EmploymentForm,
    "tags": TagsForm,
    "rows": RowsForm,
}
