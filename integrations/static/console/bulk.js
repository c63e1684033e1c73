"use strict";
// Follows a bulk run; the page is drawn anew once the run has come to rest.
{
    const EVERY = 1500;
    const page = document.querySelector("[data-progress-url]");
    const part = (name) => document.querySelector(`[data-bulk="${name}"]`);

    function show(told) {
        part("bar").value = told.percent;
        for (const name of ["label", "sentence", "note"]) {
            if (part(name).textContent !== told[name]) {
                part(name).textContent = told[name];
            }
        }
        part("label").className = `pill pill-${told.tone}`;
    }

    async function follow() {
        try {
            const answer = await fetch(page.dataset.progressUrl);
            if (answer.status === 403 || answer.status === 404) {
                return;
            }
            const told = answer.ok ? await answer.json() : null;
            if (told) {
                show(told);
                if (!told.is_moving) {
                    window.location.reload();
                    return;
                }
            }
        } catch {
            // The line is down for a moment: the next round asks again.
        }
        window.setTimeout(follow, EVERY);
    }

    if (page) {
        follow();
    }
}
