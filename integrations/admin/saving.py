"""Saving what a person entered, and nothing else."""

from django.db.models import Model
from django.forms import ModelForm


def save_entered(row: Model, form: ModelForm, *more: str) -> None:
    """Save the columns of the form and `more`.

    States and cursors that a worker wrote since the page was opened stay.
    """
    known = {field.name for field in row._meta.concrete_fields}
    row.save(update_fields=[*(known & set(form.cleaned_data)), *more])
