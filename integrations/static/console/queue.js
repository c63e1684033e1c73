"use strict";
// Keeps the open list true: counts of the tabs and rows on the move, and retries
// without a reload.
{
    const MOVING_EVERY = 2000;
    const COUNTS_EVERY = 10000;
    const SAID_FOR = 60000;

    const queue = document.getElementById("queue");
    const said = document.getElementById("queue-said");
    const token = () => document.querySelector("[name=csrfmiddlewaretoken]").value;
    const stateOf = (row) => row.querySelector("[data-part=state]");
    const idOf = (row) => stateOf(row).dataset.line;
    const rows = () =>
        [...document.querySelectorAll("#result_list tbody tr")].filter(stateOf);
    const moving = () => rows().filter((row) => row.querySelector(".live"));

    function fill(part, html) {
        if (part && part.innerHTML !== html) {
            part.innerHTML = html;
        }
    }

    function show(states) {
        for (const row of rows()) {
            const state = states[idOf(row)];
            if (!state) {
                continue;
            }
            fill(stateOf(row), state.state);
            fill(row.querySelector("[data-part=light]"), state.light);
            row.classList.toggle("settled", !state.is_open);
            for (const button of row.querySelectorAll(".field-row_buttons [data-key]")) {
                button.hidden = !state.is_open;
            }
        }
    }

    function count(counts) {
        for (const [key, told] of Object.entries(counts)) {
            const place = document.querySelector(`[data-count="${key}"]`);
            if (place && place.textContent !== told) {
                place.textContent = told;
                place.classList.add("count-new");
            }
        }
    }

    async function ask(ids, counts) {
        const address = new URLSearchParams(queue.dataset.address);
        address.set("ids", ids.join(","));
        if (counts) {
            address.set("counts", "1");
        }
        const answer = await fetch(`${queue.dataset.liveUrl}?${address}`, {
            headers: {Accept: "application/json"},
        });
        if (!answer.ok || answer.redirected) {
            return;
        }
        const told = await answer.json();
        show(told.rows);
        count(told.counts || {});
    }

    async function beat(every, counts) {
        const ids = (counts ? rows() : moving()).map(idOf);
        if (!document.hidden && (counts || ids.length)) {
            try {
                await ask(ids, counts);
            } catch {
                // The line is down for a moment: the next round asks again.
            }
        }
        window.setTimeout(beat, every, every, counts);
    }

    function tell(text, level, undo) {
        said.replaceChildren(text);
        said.className = `toast toast-${level}`;
        said.hidden = false;
        if (undo?.length) {
            const button = document.createElement("button");
            button.type = "button";
            button.className = "button button-small button-quiet";
            button.textContent = "Undo";
            button.addEventListener("click", () => takeBack(undo));
            said.append(" ", button);
        }
        window.clearTimeout(tell.timer);
        tell.timer = window.setTimeout(() => {
            said.hidden = true;
        }, SAID_FOR);
    }

    async function post(address, values) {
        return fetch(address, {
            method: "POST",
            headers: {"X-CSRFToken": token(), Accept: "application/json"},
            body: new URLSearchParams(values),
        });
    }

    async function takeBack(actions) {
        try {
            const address = `${queue.dataset.page}quick-undo/`;
            const answer = await post(address, {actions: actions.join(",")});
            if (!answer.ok) {
                throw new Error(String(answer.status));
            }
            const told = await answer.json();
            show(told.rows);
            tell(told.said, told.level);
            await ask(rows().map(idOf), true);
        } catch {
            tell("The server did not take it: reload the page and try again.", "error");
        }
    }

    async function retry(ids) {
        tell(ids.length === 1 ? "Queueing …" : `Queueing ${ids.length} …`, "success");
        try {
            const answer = await post(queue.dataset.retryUrl, {ids: ids.join(",")});
            if (!answer.ok) {
                throw new Error(String(answer.status));
            }
            const told = await answer.json();
            show(told.rows);
            tell(told.said, told.level, told.undo);
            await ask(ids, true);
        } catch {
            tell("The server did not take it: reload the page and try again.", "error");
        }
    }

    function selected() {
        return rows().filter((row) => row.querySelector(".action-select:checked"));
    }

    document.addEventListener("click", (event) => {
        const button = event.target.closest("button[data-key=r]");
        if (!button || !queue.dataset.retryUrl) {
            return;
        }
        const row = button.closest("tbody tr");
        const across = document.querySelector("input.select-across");
        const chosen = row ? [row] : selected();
        if (!chosen.length || (!row && across && across.value === "1")) {
            return; // all that match: the plan asks first
        }
        event.preventDefault();
        retry(chosen.map(idOf));
    });

    // On a phone the tabs are wider than the screen: the one in use must be seen.
    function bringTabIntoView() {
        const tabs = document.querySelector(".queue-tabs");
        const tab = tabs && tabs.querySelector("[aria-current]");
        if (tab) {
            const left = tab.offsetLeft - tabs.offsetLeft;
            tabs.scrollLeft = left - (tabs.clientWidth - tab.offsetWidth) / 2;
        }
    }

    // The box that ticks all rows stands in the head of the table, which a phone hides.
    document.addEventListener("click", (event) => {
        const toggle = document.getElementById("action-toggle");
        if (toggle && event.target.closest("[data-select-page]")) {
            toggle.click();
        }
    });

    bringTabIntoView();
    if (queue) {
        window.setTimeout(beat, MOVING_EVERY, MOVING_EVERY, false);
        window.setTimeout(beat, COUNTS_EVERY, COUNTS_EVERY, true);
    }
}
