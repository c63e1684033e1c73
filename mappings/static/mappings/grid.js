"use strict";
// The rows of a version: search, add, duplicate, move, remove. Without script every
// row is a drawer that opens, and the place of a row is a number in it.
{
    const grid = document.getElementById("rows-group");
    const studio = (window.waybillStudio = { listeners: [] });
    const STATUS = { agreed: "good", proposed: "wait", open: "warn" };

    const rows = () => [...grid.querySelectorAll(".grid-row")];
    const box = (row, name) => row.querySelector(`[name="${row.dataset.row}-${name}"]`);
    const cell = (row, name) => row.querySelector(`[data-cell="${name}"]`);
    studio.rows = rows;
    studio.box = box;
    studio.cell = cell;

    // Says that something was typed or moved; live.js tries the draft again.
    function changed() {
        studio.listeners.forEach((listener) => listener());
    }
    studio.changed = changed;

    function shown(select) {
        return select?.selectedOptions?.[0]?.textContent ?? "";
    }

    // The line of a row says what its drawer holds.
    function redraw(row) {
        const value = (name) => box(row, name)?.value ?? "";
        if (!box(row, "target")) {
            return;
        }
        cell(row, "target").textContent = value("target") || "new field";
        cell(row, "kind").textContent = shown(box(row, "kind"));
        cell(row, "comes_from").textContent = value("comes_from");
        cell(row, "chain").textContent = value("chain");
        showOwner(row, value("owner"));
        cell(row, "status").textContent = shown(box(row, "status"));
        cell(row, "status").className = `pill pill-${STATUS[value("status")] ?? "mute"}`;
        row.classList.toggle("grid-row-removed", Boolean(box(row, "DELETE")?.checked));
        fit(row, value("kind"));
    }
    studio.redraw = redraw;

    // A system by its proper name, as the page knows it.
    const SYSTEMS = { netsuite: "NetSuite", shopify: "Shopify", magento: "Magento", salesforce: "Salesforce" };
    const ownerName = (name) => SYSTEMS[name.toLowerCase()] ?? name;

    function showOwner(row, name) {
        cell(row, "owner").dataset.owner = name;
        cell(row, "owner").textContent = ownerName(name);
    }

    // Fields that this kind of row does not know are put away, unless they are filled.
    function fit(row, kind) {
        const known = {
            table: ["table", "lookup"],
            record: ["lookup"],
            by: ["lookup"],
            needs: ["lookup"],
            on_miss: ["table", "lookup"],
        };
        for (const [name, kinds] of Object.entries(known)) {
            const field = row.querySelector(`.field-${name}`);
            const own = box(row, name);
            const isFilled = name !== "on_miss" && own?.value;
            const isWrong = field?.querySelector(".errorlist");
            if (field) {
                field.hidden = !kinds.includes(kind) && !isFilled && !isWrong;
            }
        }
    }

    // What is sent: of a touched row all that it holds, of any other its key alone.

    function isChanged(field) {
        if (field.type === "checkbox") {
            return field.checked !== field.defaultChecked;
        }
        if (field.options) {
            const chosen = [...field.options].findIndex((one) => one.defaultSelected);
            return field.selectedIndex !== Math.max(chosen, 0);
        }
        return field.value !== field.defaultValue;
    }

    const fields = (row) => [...row.querySelectorAll("[name]")];
    const short = (row, field) => field.name.slice(row.dataset.row.length + 1);

    function held(row, own) {
        const sent = own.filter((field) =>
            ["checkbox", "radio"].includes(field.type) ? field.checked : true,
        );
        return Object.fromEntries(sent.map((field) => [short(row, field), field.value]));
    }

    function packed() {
        const touched = [];
        const kept = [];
        for (const row of rows()) {
            const own = fields(row);
            const place = Number(row.dataset.row.replace("rows-", ""));
            const key = box(row, "id")?.value;
            const changed = own.filter(isChanged).map((field) => short(row, field));
            if ("touched" in row.dataset || !key) {
                touched.push([place, held(row, own)]);
            } else if (changed.length === 1 && changed[0] === "position") {
                touched.push([place, { id: key, position: box(row, "position").value }]);
            } else if (changed.length) {
                touched.push([place, held(row, own)]);
            } else {
                kept.push([place, Number(key)]);
            }
        }
        return JSON.stringify({ touched, kept });
    }

    // The cells leave the form that is sent: thousands of them would be too many.
    function apart(row) {
        fields(row).forEach((field) => field.setAttribute("form", "rows-apart"));
    }

    // Search

    const filters = ["words", "status", "owner", "wrong"].map((name) =>
        document.getElementById(`grid-${name}`),
    );

    function text(row) {
        const line = row.querySelector("summary").textContent;
        const more = ["note", "when", "record", "updaters"].map(
            (name) => box(row, name)?.value ?? "",
        );
        return [line, ...more].join(" ").toLowerCase();
    }

    function filter() {
        const [words, status, owner, wrong] = filters;
        const wanted = words.value.trim().toLowerCase().split(/\s+/);
        let count = 0;
        for (const row of rows()) {
            const own = box(row, "status")?.value ?? "";
            const said = cell(row, "status").textContent.trim();
            const fits =
                wanted.every((word) => text(row).includes(word)) &&
                (!status.value || own === status.value || said === shown(status)) &&
                (!owner.value || cell(row, "owner").dataset.owner === owner.value) &&
                (!wrong.checked || row.classList.contains("grid-row-wrong"));
            row.hidden = !fits;
            count += fits;
        }
        for (const group of grid.querySelectorAll(".grid-group")) {
            group.hidden = !group.querySelector(".grid-row:not([hidden])") && count > 0;
        }
        const all = rows().length;
        const bad = rows().filter((row) => row.classList.contains("grid-row-wrong"));
        const part = count === all ? `${all} fields` : `${count} of ${all} fields`;
        const tail = bad.length ? `, ${bad.length} with something wrong` : "";
        document.getElementById("grid-state").textContent =
            part + tail + (studio.age ? ` · target fields ${studio.age}` : "");
    }
    studio.filter = filter;

    function offerOwners() {
        const select = document.getElementById("grid-owner");
        const known = rows().map((row) => cell(row, "owner").dataset.owner);
        const names = [...new Set(known)].filter(Boolean).sort();
        const now = select.value;
        select.replaceChildren(
            new Option("All", ""),
            ...names.map((name) => new Option(ownerName(name), name)),
        );
        select.value = now;
    }

    // Places

    function number() {
        rows().forEach((row, place) => {
            const position = box(row, "position");
            if (position) {
                position.value = (place + 1) * 10;
            }
        });
    }

    function move(row, step) {
        const all = [...row.parentElement.querySelectorAll(":scope > .grid-row")].filter(
            (one) => !one.hidden || one === row,
        );
        const other = all[all.indexOf(row) + step];
        if (!other) {
            return;
        }
        step < 0 ? other.before(row) : other.after(row);
        number();
        changed();
        row.querySelector("summary").focus();
        say(`Moved to place ${all.indexOf(row) + step + 1}.`);
    }

    function say(words) {
        document.getElementById("grid-state").textContent = words;
    }

    // New rows

    function added() {
        const total = document.getElementById("id_rows-TOTAL_FORMS");
        const made = document.getElementById("grid-empty").innerHTML;
        const holder = document.createElement("template");
        holder.innerHTML = made.replaceAll("__prefix__", total.value);
        total.value = Number(total.value) + 1;
        const row = holder.content.querySelector(".grid-row");
        dress(row);
        return row;
    }

    function add() {
        const groups = [...grid.querySelectorAll(".grid-group")];
        const now = document.activeElement?.closest(".grid-group");
        const row = added();
        (now ?? groups[0]).append(row);
        box(row, "section").value = (now ?? groups[0]).dataset.group;
        ready(row);
    }

    function copy(from) {
        const row = added();
        for (const field of from.querySelectorAll("[name]")) {
            const name = field.name.slice(from.dataset.row.length + 1);
            const own = box(row, name);
            const stays = /^(id|version|seen|DELETE|asked|answer-.*)$/.test(name);
            if (own && !stays) {
                own.value = field.value;
            }
        }
        from.after(row);
        ready(row);
    }

    function ready(row) {
        row.open = true;
        redraw(row);
        number();
        changed();
        filter();
        row.hidden = false;
        box(row, "target").focus();
    }

    // A row that was not stored yet goes at once; a stored one when the page is saved.
    function remove(row) {
        const isStored = Boolean(box(row, "id")?.value);
        if (!isStored && box(row, "DELETE")?.checked) {
            row.hidden = true;
        }
        redraw(row);
    }

    function dress(row) {
        row.querySelectorAll("button[hidden]").forEach((button) => {
            button.hidden = false;
        });
        apart(row);
        redraw(row);
    }

    if (grid) {
        const mayWrite = grid.dataset.mayWrite === "yes";
        grid.querySelector(".grid-tools").hidden = false;
        rows().forEach(dress);
        if (mayWrite) {
            document.getElementById("mappingversion_form").addEventListener("formdata", (event) => {
                event.formData.set("rows-packed", packed());
            });
        }
        offerOwners();
        filter();

        grid.addEventListener("input", (event) => {
            const row = event.target.closest(".grid-row");
            if (row) {
                redraw(row);
                changed();
            } else {
                filter();
            }
        });
        grid.addEventListener("change", (event) => {
            const row = event.target.closest(".grid-row");
            if (row && event.target.name?.endsWith("-DELETE")) {
                remove(row);
            }
            if (row && event.target.name?.endsWith("-section")) {
                const name = CSS.escape(event.target.value);
                grid.querySelector(`.grid-group[data-group="${name}"]`)?.append(row);
                number();
            }
            if (row) {
                offerOwners();
            }
        });
        grid.addEventListener("click", (event) => {
            const button = event.target.closest("[data-do]");
            const row = button?.closest(".grid-row");
            const verbs = {
                up: () => move(row, -1),
                down: () => move(row, 1),
                copy: () => copy(row),
                why: () => studio.explain?.(row),
            };
            verbs[button?.dataset.do]?.();
        });
        grid.addEventListener("keydown", (event) => {
            const row = event.target.closest("summary")?.closest(".grid-row");
            const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
            if (row && step && event.altKey && mayWrite) {
                event.preventDefault();
                move(row, step);
            } else if (row && step) {
                event.preventDefault();
                const all = rows().filter((one) => !one.hidden);
                all[all.indexOf(row) + step]?.querySelector("summary").focus();
            }
        });
        document.getElementById("grid-add")?.addEventListener("mousedown", (event) => {
            event.preventDefault(); // the list that has the focus gets the new row
        });
        document.getElementById("grid-add")?.addEventListener("click", add);
        document.querySelector("#rows-group .errorlist, .conflict")?.scrollIntoView({
            block: "center",
        });
    }
}
