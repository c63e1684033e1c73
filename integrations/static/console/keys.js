"use strict";
// The queue without a mouse. Every key has a button that does the same.
{
    const queue = document.getElementById("queue");
    const help = document.getElementById("keys");
    const rows = () => [...document.querySelectorAll("#result_list tbody tr")];
    const idOf = (row) => row.querySelector("[data-part=state]").dataset.line;
    const PAUSE = 1500;
    let current = null;
    let began = 0; // when "g" was pressed

    function mark(row) {
        if (!row) {
            return;
        }
        current?.classList.remove("current");
        current = row;
        row.classList.add("current");
        row.scrollIntoView({block: "nearest"});
        row.querySelector(".field-what_failed a")?.focus({preventScroll: true});
    }

    function move(step) {
        const all = rows();
        const at = current ? all.indexOf(current) + step : 0;
        mark(all[Math.max(0, Math.min(all.length - 1, at))]);
    }

    function isChosen() {
        return Boolean(document.querySelector(".action-select:checked"));
    }

    function tick(row) {
        const box = row?.querySelector(".action-select");
        box?.click();
        row?.querySelector(".field-what_failed a")?.focus({preventScroll: true});
    }

    // A key of the selection presses its button; without one it means the marked row.
    function press(key) {
        const bar = document.querySelector(`#changelist .actions [data-key="${key}"]`);
        if (isChosen()) {
            bar?.click();
            return;
        }
        const own = current?.querySelector(`[data-key="${key}"]`);
        if (own) {
            own.click();
        } else if (current && bar) {
            tick(current);
            bar.click();
        }
    }

    function open(name) {
        if (current) {
            window.location.href = `${queue.dataset.page}${idOf(current)}/${name}/`;
        }
    }

    const KEYS = {
        j: () => move(1),
        k: () => move(-1),
        x: () => tick(current),
        X: () => tick(current), // with Shift: all between the last one and this
        Enter: () => current?.querySelector(".field-what_failed a")?.click(),
        r: () => press("r"),
        f: () => press("f"),
        e: () => open("edit"),
        a: () => press("a"),
        s: () => press("s"),
        d: () => (isChosen() ? press("d") : open("resolve")),
        "/": () => document.getElementById("searchbar").select(),
        "?": () => help.showModal(),
    };

    function isTyping(target) {
        return target.closest("input:not([type=checkbox]), textarea, select, dialog");
    }

    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
            return;
        }
        if (Date.now() - began < PAUSE) {
            began = 0;
            const link = document.querySelector(`[data-go="${event.key}"]`);
            if (link) {
                event.preventDefault();
                link.click();
                return;
            }
        }
        if (event.key === "g") {
            began = Date.now();
            return;
        }
        const onControl = event.target.closest("a, button, summary, [type=checkbox]");
        if (event.key === "Enter" && onControl) {
            return;
        }
        const act = KEYS[event.key];
        if (act && queue) {
            event.preventDefault();
            act();
        }
    });

    document.addEventListener("focusin", (event) => {
        const row = event.target.closest("#result_list tbody tr");
        if (row && row !== current) {
            current?.classList.remove("current");
            current = row;
            row.classList.add("current");
        }
    });

    document.querySelector("[data-open=keys]")?.addEventListener("click", () => {
        help.showModal();
    });
}
