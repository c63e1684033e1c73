"use strict";
// Whoever leaves a page with changes that were not saved is asked first.
{
    const form = document.querySelector("#mappingversion_form, form[data-guarded]");
    const written = () => new URLSearchParams(new FormData(form)).toString();

    if (form) {
        const isRefused = Boolean(document.querySelector(".errornote, .conflict"));
        const stored = written();
        let isSaving = false;
        form.addEventListener("submit", () => {
            isSaving = true;
        });
        addEventListener("pageshow", () => {
            isSaving = false;
        });
        addEventListener("beforeunload", (event) => {
            if (!isSaving && (isRefused || written() !== stored)) {
                event.preventDefault();
            }
        });
    }
}
