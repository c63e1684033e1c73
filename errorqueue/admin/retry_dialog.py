"""A retry with a choice: where it starts, with which payload, by which mapping."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from errorqueue import finance, services
from errorqueue.admin.detail import changes
from errorqueue.admin.line_pages import DECLINED, LinePages, bench_of
from errorqueue.failures import RetryChoice, RetryOptions, Start, Workbench
from errorqueue.masking import Eye
from errorqueue.models import FailedRecord

KEPT, EDIT, REREAD = "kept", "edit", "reread"
PAYLOADS = {
    KEPT: ("As it is kept here", "What came in, with every change made to it here."),
    EDIT: ("Change it first", "Opens the form with the values that are wrong."),
    REREAD: (
        "Read it from the source again",
        "Shows what is different there before anything is taken over.",
    ),
}
START_HELP = {
    Start.MAPPING: "The record is mapped anew, so a mended mapping or table counts.",
    Start.SENT: "The same document goes out once more, exactly as it was sent.",
    Start.AGAIN: "It was deleted there, and you decide that it shall stand there again: "
    "it is mapped anew and made anew.",
    Start.LOOK: "The target is searched for it first; it is sent only if not there.",
}


class RetryForm(forms.Form):
    """What the dialog asks; every choice has its default, so none must be made."""

    start = forms.ChoiceField(
        label="Start", required=False, widget=forms.RadioSelect, label_suffix=""
    )
    payload = forms.ChoiceField(
        label="Content", required=False, widget=forms.RadioSelect, label_suffix=""
    )
    version = forms.TypedChoiceField(
        label="Mapping", required=False, coerce=int, empty_value=None, label_suffix=""
    )

    def __init__(self, options: RetryOptions, payloads: list[str], data: Any) -> None:
        super().__init__(data)
        starts = options.starts or ((Start.MAPPING, "From the mapping"),)
        self._offer("start", [(one.value, words) for one, words in starts])
        self._offer("payload", [(name, PAYLOADS[name][0]) for name in payloads])
        self._offer("version", [(str(pk), words) for pk, words in options.versions])
        self.current = options.versions[0][0] if options.versions else None

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices
        field.initial = choices[0][0] if choices else ""
        if not choices:
            del self.fields[name]

    def choice(self) -> RetryChoice:
        """Return what was chosen; the current mapping is named by naming none."""
        version = self.cleaned_data.get("version")
        return RetryChoice(
            start=Start(self.cleaned_data.get("start") or Start.MAPPING),
            version=None if version == self.current else version,
        )

    def starts(self) -> list[tuple[Any, str]]:
        return [(radio, START_HELP[Start(_value(radio))]) for radio in self["start"]]

    def payload_radios(self) -> list[tuple[Any, str]]:
        return [(radio, PAYLOADS[_value(radio)][1]) for radio in self["payload"]]


def _value(radio: Any) -> str:
    return str(radio.data["value"])


def retry_as_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Ask how the retry shall go, and have it go so."""
    try:
        bench = bench_of(line)
        options = bench.options()
        payloads = _payloads(pages, request, line, options)
        form = RetryForm(options, payloads, request.POST or None)
        if form.is_valid():
            return _go(pages, request, line, bench, form)
    except DECLINED as reason:
        return pages.do(request, line, _say_no(reason))
    context = {
        "line": line,
        "title": f"Retry {line.human_id} · {line.title}",
        "form": form,
        "retry_as_url": request.get_full_path(),
    }
    return pages.show(request, "retry_as.html", context)


def _payloads(
    pages: LinePages, request: HttpRequest, line: FailedRecord, options: RetryOptions
) -> list[str]:
    may_edit = pages.may(request, "edit") and not finance.is_finance(line)
    found = [KEPT]
    if may_edit:
        found.append(EDIT)
    if options.can_reread:
        found.append(REREAD)
    return found


def _go(
    pages: LinePages,
    request: HttpRequest,
    line: FailedRecord,
    bench: Workbench,
    form: RetryForm,
) -> HttpResponseBase:
    payload = form.cleaned_data.get("payload") or KEPT
    if payload == EDIT:
        kept = pages.get_preserved_filters(request)
        return redirect(pages.address("fix", line, kept))
    if payload == REREAD:
        return _show_reread(pages, request, line, bench, form)
    by: Any = request.user
    return pages.do(request, line, lambda: _queue(line, by, form.choice()))


def _queue(line: FailedRecord, by: Any, choice: RetryChoice) -> None:
    services.retry(line, by, choice=choice)


def _show_reread(
    pages: LinePages,
    request: HttpRequest,
    line: FailedRecord,
    bench: Workbench,
    form: RetryForm,
) -> HttpResponseBase:
    """Show what the source holds now; nothing is taken over yet."""
    found = bench.reread()
    eye = Eye(request.user, line.problems, found.private)
    before, after = eye.reads(found.before), eye.reads(found.after)
    context = {
        "line": line,
        "title": f"{line.human_id} as the source has it now",
        "found": found,
        "is_same": found.before == found.after,
        "changes": list(changes(before, after)),
        "chosen": form.data,
        "take_url": pages.address("reread", line, pages.get_preserved_filters(request)),
        "retry_as_url": request.get_full_path(),
    }
    return pages.show(request, "reread.html", context)


def take_reread_view(
    pages: LinePages, request: HttpRequest, line: FailedRecord
) -> HttpResponseBase:
    """Take over what was shown of the source, then retry as it was chosen."""
    by: Any = request.user

    def take() -> str:
        bench = bench_of(line)
        form = RetryForm(bench.options(), [KEPT], request.POST)
        choice = form.choice() if form.is_valid() else RetryChoice()
        bench.take_reread(request.POST.get("mark", ""), by)
        line.refresh_from_db()
        services.retry(line, by, "Read from the source again.", choice)
        return f"{line.human_id} is queued with what the source has now."

    return pages.do(request, line, take)


def _say_no(reason: Exception) -> Any:
    def refuse() -> None:
        raise reason

    return refuse
