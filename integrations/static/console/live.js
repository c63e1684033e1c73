"use strict";
// Follows retries that are under way: queued, running, result.
{
    const EVERY = 2000;
    const LONGEST = 15 * 60 * 1000;

    function show(live, state) {
        const pill = live.querySelector(".pill");
        if (pill.textContent !== state.label) {
            pill.textContent = state.label;
        }
        pill.className = `pill pill-${state.tone}`;
        let next = live.querySelector(".quiet-line");
        if (state.next_try && !next) {
            next = document.createElement("span");
            next.className = "quiet-line";
            live.append(" ", next);
        }
        if (next) {
            next.textContent = state.next_try ? `next try ${state.next_try_text}` : "";
        }
    }

    function offerReload(live) {
        if (!document.body.classList.contains("detail")) {
            return;
        }
        const link = document.createElement("a");
        link.href = window.location.href;
        link.textContent = "See what happened";
        live.append(" ", link);
    }

    async function follow(live, since) {
        if (Date.now() - since > LONGEST) {
            return;
        }
        if (!document.hidden) {
            try {
                const answer = await fetch(live.dataset.statusUrl, {
                    headers: {Accept: "application/json"},
                });
                if (answer.status === 403 || answer.status === 404) {
                    return;
                }
                if (answer.ok) {
                    const state = await answer.json();
                    show(live, state);
                    if (!state.is_moving) {
                        offerReload(live);
                        document.dispatchEvent(new Event("settled"));
                        return;
                    }
                }
            } catch {
                // The line is down for a moment: the next round asks again.
            }
        }
        window.setTimeout(follow, EVERY, live, since);
    }

    for (const live of document.querySelectorAll("[data-status-url]")) {
        live.setAttribute("role", "status");
        follow(live, Date.now());
    }
}
