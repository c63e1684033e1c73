"use strict";
// Follows scenarios that are under way; the page is drawn anew when all have ended.
{
    const EVERY = 2000;
    const page = document.querySelector("[data-follow-url]");

    function show(told) {
        const words = page.querySelector('[data-follow="words"]');
        if (words.textContent !== told.words) {
            words.textContent = told.words;
        }
        for (const row of page.querySelectorAll("[data-scenario]")) {
            const now = told.rows[row.dataset.scenario];
            const pill = row.querySelector('[data-follow="state"]');
            if (now && pill.textContent !== now.state) {
                pill.textContent = now.state;
                pill.className = `pill pill-${now.tone}`;
            }
        }
    }

    async function follow() {
        try {
            const answer = await fetch(page.dataset.followUrl, {
                headers: {Accept: "application/json"},
            });
            if (answer.status === 403 || answer.status === 404) {
                return;
            }
            if (answer.ok) {
                const told = await answer.json();
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
    if (document.querySelector("[data-reload]")) {
        window.setTimeout(() => window.location.reload(), EVERY);
    }
}
