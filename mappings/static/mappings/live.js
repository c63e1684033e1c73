"use strict";
// Tries the draft on one record while somebody types, and keeps the pane beside it.
{
    const home = document.getElementById("studio");
    const pane = document.getElementById("pane");
    const studio = window.waybillStudio;
    const PAUSE = 500;
    let drawn = "";
    let sample = new URLSearchParams(window.location.search).get("sample") ?? "";
    let words = "";
    let timer = 0;
    let asked = 0; // the number of the last question: an older answer is dropped

    function form() {
        return document.getElementById("mappingversion_form");
    }

    function typed(more = {}) {
        const data = new FormData(form() ?? undefined);
        data.set("csrfmiddlewaretoken", token());
        data.set("studio-sample", sample);
        data.set("studio-words", words);
        Object.entries(more).forEach(([name, value]) => data.set(name, value));
        return data;
    }
    studio.typed = typed;

    function token() {
        return document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
    }

    async function ask() {
        const mine = ++asked;
        home.setAttribute("aria-busy", "true");
        try {
            const answer = await fetch(home.dataset.live, { method: "POST", body: typed() });
            if (!answer.ok) {
                throw new Error(`answered ${answer.status}`);
            }
            const told = await answer.json();
            if (mine === asked) {
                draw(told);
            }
        } catch (error) {
            if (mine === asked) {
                const state = document.getElementById("grid-state");
                state.textContent = `The draft could not be tried: ${error.message}.`;
            }
        } finally {
            if (mine === asked) {
                home.removeAttribute("aria-busy");
            }
        }
    }

    function later() {
        window.clearTimeout(timer);
        timer = window.setTimeout(ask, PAUSE);
    }

    function draw(told) {
        sample = told.sample ?? sample;
        studio.sample = sample;
        studio.age = told.age;
        studio.cells = told.cells;
        for (const row of studio.rows()) {
            drawRow(row, told.cells[row.dataset.row]);
        }
        drawPane(told);
        studio.filter();
        if (told.error) {
            document.getElementById("grid-state").textContent = told.error;
        }
    }

    function drawRow(row, found) {
        const cell = (name) => studio.cell(row, name);
        const problems = found?.problems ?? [];
        row.classList.toggle("grid-row-wrong", problems.length > 0);
        row.classList.toggle("grid-row-unused", Boolean(found?.tried && !found.used));
        cell("label").textContent = found?.label ?? "";
        cell("type").textContent = found?.type ?? "";
        cell("rule").textContent = found?.rule ? `The target says: ${found.rule}.` : "";
        cell("in").textContent = found?.used ? found.in : "";
        const empty = found?.used ? "nothing is sent" : "";
        const unused = found?.tried && !found.used ? "not used for this record" : empty;
        cell("out").textContent = found?.out || unused;
        cell("out").classList.toggle("quiet", !found?.out);
        cell("problems").textContent = problems.join(" · ");
        drawSteps(cell("steps"), found);
    }

    function drawSteps(place, found) {
        place.replaceChildren();
        if (!found?.used || !found.steps.length) {
            return;
        }
        const list = document.createElement("ol");
        list.className = "why-steps";
        const first = { words: found.source || "constant", value: found.in, detail: "" };
        for (const step of [first, ...found.steps]) {
            const line = document.createElement("li");
            for (const [name, text] of [
                ["why-words", step.words],
                ["why-value", step.value],
                ["why-refused", step.detail],
            ]) {
                if (text) {
                    const part = document.createElement("span");
                    part.className = name;
                    part.textContent = text;
                    line.append(part, " ");
                }
            }
            list.append(line);
        }
        place.append(list);
    }

    // The server draws the pane; what a person is typing in it stays. What looks the
    // same is left alone, so that a button is not exchanged while it is pressed.
    function drawPane(told) {
        const looks = JSON.stringify([told.pane, told.missing]);
        if (looks === drawn) {
            return;
        }
        drawn = looks;
        const open = [...pane.querySelectorAll("details")].map((one) => one.open);
        const focused = pane.contains(document.activeElement) && document.activeElement.id;
        const parsed = new DOMParser().parseFromString(told.pane, "text/html");
        const kept = focused ? document.activeElement.value : "";
        const sameSample = pane.dataset.subject === told.sample;
        pane.dataset.subject = told.sample ?? "";
        pane.replaceChildren(...parsed.body.childNodes);
        pane.hidden = false;
        if (told.missing?.length) {
            const note = document.createElement("p");
            note.className = "note note-warn";
            note.textContent = `The target requires, and no row fills: ${told.missing.join(", ")}.`;
            pane.querySelector(".pane-head").after(note);
        }
        pane.querySelectorAll("details").forEach((one, place) => {
            one.open = open[place] ?? one.open;
        });
        if (focused) {
            const box = document.getElementById(focused);
            if (box && (focused !== "pane-name" || sameSample)) {
                box.value = kept;
            }
            box?.focus();
        }
    }

    async function keep() {
        const said = document.getElementById("pane-kept");
        const name = document.getElementById("pane-name").value;
        const answer = await fetch(home.dataset.keep, {
            method: "POST",
            body: typed({ "studio-name": name }),
        });
        const told = answer.headers.get("Content-Type")?.includes("json")
            ? await answer.json()
            : { text: "You may not keep samples." };
        if (answer.ok) {
            await ask();
        }
        (document.getElementById("pane-kept") ?? said).textContent = told.text;
    }

    // "Why this value?" opens over the page

    async function why(target) {
        const answer = await fetch(home.dataset.why, {
            method: "POST",
            body: typed({ "studio-target": target }),
        });
        const text = await answer.text();
        const page = new DOMParser().parseFromString(text, "text/html");
        const part = page.getElementById("why-part");
        if (part) {
            studio.openSheet("Why this value?", [document.adoptNode(part)]);
        }
    }

    // A row of a list stands for many values: the first of them is explained.
    studio.explain = (row) => {
        const target = studio.box(row, "target")?.value ?? studio.cell(row, "target").textContent;
        const code = [...pane.querySelectorAll("[data-why]")].map((one) => one.dataset.why);
        const group = row.closest(".grid-group").dataset.group;
        const fits = (path) =>
            group ? path.endsWith(`].${target}`) : path === target;
        why(code.find(fits) ?? target);
    };

    function find() {
        words = document.getElementById("pane-words").value;
        ask();
    }

    studio.openSheet = (title, nodes) => {
        const sheet = document.getElementById("studio-sheet");
        document.getElementById("studio-sheet-title").textContent = title;
        document.getElementById("studio-sheet-body").replaceChildren(...nodes);
        if (!sheet.open) {
            sheet.showModal();
        }
        return sheet;
    };

    async function history(panel) {
        if (!panel.open || panel.dataset.loaded) {
            return;
        }
        const answer = await fetch(panel.dataset.load);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const list = page.querySelector("#history-part .history");
        if (list) {
            panel.dataset.loaded = "yes";
            panel.append(document.adoptNode(list));
        }
    }

    if (home && pane && studio) {
        studio.listeners.push(later);
        document.addEventListener("input", (event) => {
            const name = event.target.name ?? "";
            if (/^(sections|exclusions|checks)-/.test(name)) {
                later();
            }
        });
        pane.addEventListener("click", (event) => {
            const link = event.target.closest("a, button");
            if (link?.dataset.sample) {
                sample = link.dataset.sample;
                ask();
            } else if (link?.dataset.why) {
                why(link.dataset.why);
            } else if (event.target.closest("[data-find]")) {
                find();
            } else if (event.target.closest("[data-keep]")) {
                keep();
            }
        });
        pane.addEventListener("keydown", (event) => {
            if (event.key === "Enter" && event.target.id === "pane-words") {
                event.preventDefault();
                find();
            }
        });
        document.addEventListener("click", (event) => {
            if (event.target.closest("[data-shut]")) {
                document.getElementById("studio-sheet").close();
            }
        });
        document.querySelectorAll("[data-load]").forEach((panel) => {
            panel.addEventListener("toggle", () => history(panel));
        });
        ask();
    }
}
