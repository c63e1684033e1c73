"""What is asked before a line is set aside."""

from django import forms


class ReasonForm(forms.Form):
    """Why a record is set aside; the auditor reads it later."""

    reason = forms.CharField(
        label_suffix="",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept with the record. Say who decided, and where it is handled.",
    )
