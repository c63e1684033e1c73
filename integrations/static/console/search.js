"use strict";
// Completes the word under the cursor from what the queue really holds: a combobox
// with a list, by mouse or by keys.
{
    const WAIT = 120;
    const box = document.getElementById("searchbar");
    const list = document.createElement("ul");
    let options = [];
    let active = -1;
    let timer = 0;
    let asked = 0;

    // The word under the cursor; blanks inside quotes belong to it.
    function word() {
        const end = box.selectionStart;
        let start = 0;
        let isQuoted = false;
        for (let at = 0; at < end; at += 1) {
            if (box.value[at] === '"') {
                isQuoted = !isQuoted;
            } else if (box.value[at] === " " && !isQuoted) {
                start = at + 1;
            }
        }
        return {start, end, text: box.value.slice(start, end)};
    }

    function close() {
        list.hidden = true;
        active = -1;
        box.setAttribute("aria-expanded", "false");
        box.removeAttribute("aria-activedescendant");
    }

    function draw() {
        list.replaceChildren(
            ...options.map((option, at) => {
                const item = document.createElement("li");
                item.id = `completion-${at}`;
                item.setAttribute("role", "option");
                const value = document.createElement("span");
                value.textContent = option.value;
                const note = document.createElement("span");
                note.className = "quiet-line";
                note.textContent = option.note;
                item.append(value, note);
                item.addEventListener("mousedown", (event) => {
                    event.preventDefault();
                    choose(at);
                });
                return item;
            }),
        );
        list.hidden = options.length === 0;
        box.setAttribute("aria-expanded", String(!list.hidden));
        light(-1);
    }

    function light(at) {
        active = at;
        [...list.children].forEach((item, place) => {
            item.setAttribute("aria-selected", String(place === at));
        });
        if (at < 0) {
            box.removeAttribute("aria-activedescendant");
        } else {
            box.setAttribute("aria-activedescendant", `completion-${at}`);
            list.children[at].scrollIntoView({block: "nearest"});
        }
    }

    function choose(at) {
        const {start, end} = word();
        const value = options[at].value;
        const isName = value.endsWith(":");
        const put = isName ? value : `${value} `;
        box.value = box.value.slice(0, start) + put + box.value.slice(end).trimStart();
        box.setSelectionRange(start + put.length, start + put.length);
        close();
        if (isName) {
            ask();
        }
    }

    async function ask() {
        const mine = ++asked;
        const {text} = word();
        const address = `${box.dataset.completeUrl}?word=${encodeURIComponent(text)}`;
        try {
            const answer = await fetch(address, {headers: {Accept: "application/json"}});
            if (!answer.ok || answer.redirected || mine !== asked) {
                return;
            }
            options = (await answer.json()).options.filter(
                (option) => option.value !== text,
            );
            draw();
        } catch {
            close(); // without completion the search works all the same
        }
    }

    function later() {
        window.clearTimeout(timer);
        timer = window.setTimeout(ask, WAIT);
    }

    function onKey(event) {
        if (event.key === "ArrowDown" && list.hidden) {
            event.preventDefault();
            ask();
        } else if (list.hidden) {
            return;
        } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            const step = event.key === "ArrowDown" ? 1 : -1;
            const count = options.length;
            light((active + step + (active < 0 && step < 0 ? 1 : 0) + count) % count);
        } else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) {
            event.preventDefault();
            choose(active);
        } else if (event.key === "Escape") {
            event.preventDefault();
            close();
        }
    }

    if (box?.dataset.completeUrl) {
        list.id = "completions";
        list.className = "combo-list";
        list.hidden = true;
        list.setAttribute("role", "listbox");
        list.setAttribute("aria-label", "Completions");
        box.setAttribute("role", "combobox");
        box.setAttribute("aria-autocomplete", "list");
        box.setAttribute("aria-controls", list.id);
        box.setAttribute("aria-expanded", "false");
        box.after(list);
        box.addEventListener("input", later);
        box.addEventListener("keydown", onKey);
        box.addEventListener("blur", close);
    }
}
