"use strict";
// Picks paths from real samples and from the target's own fields, builds a chain of
// transforms from the catalogue, and offers the look-up behind an internal id.
{
    const home = document.getElementById("studio");
    const studio = window.waybillStudio;
    const kept = new Map();
    let lists = 0;

    function made(tag, className, text) {
        const element = document.createElement(tag);
        element.className = className ?? "";
        element.textContent = text ?? "";
        return element;
    }

    async function fetched(address) {
        if (!kept.has(address)) {
            const answer = await fetch(address);
            if (!answer.ok) {
                throw new Error(`answered ${answer.status}`);
            }
            kept.set(address, await answer.json());
        }
        return kept.get(address);
    }

    function put(box, value) {
        box.value = value;
        box.dispatchEvent(new Event("input", { bubbles: true }));
        box.dispatchEvent(new Event("change", { bubbles: true }));
    }

    // Trees

    function listOf(row, side) {
        const name = studio.box(row, "section").value;
        for (const box of document.querySelectorAll("[name^=sections-][name$=-name]")) {
            if (name && box.value === name) {
                const other = box.name.replace(/-name$/, `-${side}`);
                return document.querySelector(`[name="${other}"]`)?.value ?? "";
            }
        }
        return "";
    }

    async function pickPath(button, kind) {
        const box = document.getElementById(button.dataset.for);
        const row = button.closest(".grid-row");
        const side = kind === "target" ? "target" : "source";
        const inside = encodeURIComponent(listOf(row, side));
        const sample = encodeURIComponent(studio.sample ?? "");
        const title = kind === "target" ? "Pick a target field" : "Pick from the source";
        const wait = made("p", "quiet", "Reading …");
        const sheet = studio.openSheet(title, [wait]);
        try {
            const address = `${home.dataset[side]}?list=${inside}&sample=${sample}`;
            const told = await fetched(address);
            showTree(sheet, told, (path) => {
                put(box, path);
                sheet.close();
                box.focus();
            });
        } catch (error) {
            wait.textContent = `It could not be read: ${error.message}. Type the path.`;
        }
    }

    function showTree(sheet, told, choose) {
        const search = made("input", "tree-search");
        search.type = "search";
        search.placeholder = "Search names, labels and values";
        search.setAttribute("aria-label", "Search the tree");
        const tree = made("div", "tree");
        told.nodes.forEach((node) => tree.append(branch(node, choose, 0)));
        search.addEventListener("input", () => sift(tree, search.value.trim().toLowerCase()));
        const body = document.getElementById("studio-sheet-body");
        body.replaceChildren(made("p", "quiet", told.text), search, tree);
        search.focus();
    }

    function branch(node, choose, depth) {
        const line = leaf(node, choose);
        if (!node.children.length) {
            return line;
        }
        const fold = made("details", "tree-fold");
        const head = document.createElement("summary");
        head.append(line);
        fold.append(head, ...node.children.map((one) => branch(one, choose, depth + 1)));
        fold.open = depth === 0;
        return fold;
    }

    function leaf(node, choose) {
        const line = made("span", "tree-line");
        const pick = made("button", "tree-pick", node.name);
        pick.type = "button";
        pick.dataset.path = node.path;
        pick.addEventListener("click", (event) => {
            event.preventDefault();
            choose(node.path);
        });
        line.append(pick);
        for (const [text, className] of [
            [node.label && node.label !== node.name ? node.label : "", "tree-label"],
            [node.type, "quiet"],
            [node.rule, "quiet"],
            [node.example, "tree-example"],
        ]) {
            if (text) {
                line.append(" ", made("span", className, text));
            }
        }
        return line;
    }

    // A place that fits is shown with all around it.
    function sift(place, words) {
        let any = false;
        for (const child of place.children) {
            if (child.matches("summary")) {
                continue;
            }
            const own = child.matches(".tree-fold")
                ? child.querySelector(":scope > summary")
                : child;
            const fits = !words || own.textContent.toLowerCase().includes(words);
            let inside = false;
            if (child.matches(".tree-fold")) {
                inside = sift(child, fits ? "" : words);
                child.open = words ? inside : child.parentElement.matches(".tree");
            }
            child.hidden = !fits && !inside;
            any = any || !child.hidden;
        }
        return any;
    }

    // Transforms

    async function pickTransforms(button) {
        const box = document.getElementById(button.dataset.for);
        const wait = made("p", "quiet", "Reading …");
        const sheet = studio.openSheet("Transforms", [wait]);
        let told;
        try {
            told = await fetched(home.dataset.transforms);
        } catch (error) {
            wait.textContent = `The catalogue could not be read: ${error.message}.`;
            return;
        }
        const search = made("input", "tree-search");
        search.type = "search";
        search.placeholder = "Search what it does";
        search.setAttribute("aria-label", "Search the transforms");
        const now = made("p", "chain-now");
        const list = made("div", "tree");
        const say = () => {
            now.replaceChildren("Now: ", made("code", "", box.value || "no transform"));
        };
        let group = "";
        for (const one of told.transforms) {
            if (one.group !== group) {
                group = one.group;
                list.append(made("h3", "tree-group", group));
            }
            list.append(offered(one, box, say));
        }
        search.addEventListener("input", () => {
            const words = search.value.trim().toLowerCase();
            for (const one of list.children) {
                const isHead = one.matches(".tree-group");
                const fits = one.textContent.toLowerCase().includes(words);
                one.hidden = isHead ? Boolean(words) : !fits;
            }
        });
        const undo = made("button", "button button-quiet button-small", "Take the last one off");
        undo.type = "button";
        undo.addEventListener("click", () => {
            put(box, steps(box.value).slice(0, -1).join(" | "));
            say();
        });
        say();
        document.getElementById("studio-sheet-body").replaceChildren(now, undo, search, list);
        sheet.addEventListener("close", () => box.focus(), { once: true });
        search.focus();
    }

    // A bar inside quotes belongs to a text and does not part two steps.
    function steps(chain) {
        const found = chain.match(/(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^|'"])+/g);
        return (found ?? []).map((step) => step.trim()).filter(Boolean);
    }

    function offered(transform, box, say) {
        const form = made("div", "transform");
        form.append(
            made("strong", "", transform.label),
            " ",
            made("code", "quiet", transform.name),
            made("p", "quiet", transform.description),
        );
        if (transform.example) {
            form.append(made("p", "tree-example", exampled(transform.example)));
        }
        const inputs = transform.parameters.map((one) => parameter(form, transform, one));
        const add = made("button", "button button-quiet button-small", "Add");
        add.type = "button";
        add.dataset.transform = transform.name;
        add.addEventListener("click", () => {
            const empty = inputs.find(([one, input]) => one.required && !input.value);
            if (empty) {
                empty[1].focus();
                empty[1].setAttribute("aria-invalid", "true");
                return;
            }
            put(box, [...steps(box.value), written(transform, inputs)].join(" | "));
            say();
        });
        form.append(add);
        return form;
    }

    // “Two-person tent” → “Two-person” (length 12)
    function exampled({ in: before, out: after, given }) {
        const said = (value) =>
            Array.isArray(value) ? value.filter(Boolean).join(" · ") : String(value);
        const with_ = Object.entries(given).map(([name, value]) => `${name} ${value}`);
        const tail = with_.length ? ` (${with_.join(", ")})` : "";
        return `“${said(before)}” → “${said(after)}”${tail}`;
    }

    function parameter(form, transform, one) {
        const words = `${one.label}: ${one.description} `;
        const label = made("label", "transform-parameter", words);
        const input = one.choices.length ? choice(label, one) : document.createElement("input");
        input.value = one.default ?? "";
        input.inputMode = one.type === "number" ? "numeric" : "text";
        input.name = "";
        input.dataset.parameter = `${transform.name}.${one.name}`;
        label.append(input);
        form.append(label);
        return [one, input];
    }

    // Of time zones there are more than the list names, so those may be typed.
    function choice(label, one) {
        const options = one.choices.map((each) => new Option(each.label, each.value));
        if (one.type !== "zone") {
            const select = document.createElement("select");
            select.append(...(one.default === null ? [new Option("Choose …", "")] : []), ...options);
            return select;
        }
        const input = document.createElement("input");
        const list = document.createElement("datalist");
        list.id = `choices-${++lists}`;
        list.append(...options);
        input.setAttribute("list", list.id);
        label.append(list);
        return input;
    }

    function written(transform, inputs) {
        const given = inputs
            .filter(([one, input]) => input.value !== String(one.default ?? ""))
            .map(([one, input]) => `${one.name}=${quoted(input.value, one.type)}`);
        return given.length ? `${transform.name}(${given.join(", ")})` : transform.name;
    }

    function quoted(value, kind) {
        const isPlain = /^[\w./-]+$/.test(value) && kind !== "text";
        const safe = value.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
        return isPlain ? value : `'${safe}'`;
    }

    // An internal id that stands as a constant

    const looked = new Map();

    async function offerLookup(row) {
        const [kind, from] = ["kind", "comes_from"].map((name) => studio.box(row, name));
        const value = from?.value.replaceAll("'", "").trim() ?? "";
        const isId = kind?.value === "constant" && /^\d+$/.test(value);
        row.querySelector(".lookup-offer")?.remove();
        const target = studio.box(row, "target")?.value ?? "";
        if (!isId || !/(^|\.)\w+\.id$/.test(target)) {
            return;
        }
        const inside = listOf(row, "target");
        const path = encodeURIComponent(inside ? `${inside}.${target}` : target);
        const address = `${home.dataset.constant}?target=${path}&value=${value}`;
        if (!looked.has(address)) {
            looked.set(address, fetched(address));
        }
        let told;
        try {
            told = await looked.get(address);
        } catch {
            looked.delete(address);
            return;
        }
        row.querySelector(".lookup-offer")?.remove();
        if (told.text) {
            const note = made("p", "note note-warn lookup-offer", `${told.text} `);
            if (told.found) {
                note.append(change(row, told));
            }
            row.querySelector(".drawer-found").before(note);
        }
    }

    function change(row, told) {
        const button = made("button", "button button-small", "Use the look-up");
        button.type = "button";
        button.addEventListener("click", () => {
            const values = { kind: "lookup", comes_from: quoted(told.value, "text") };
            Object.assign(values, { record: told.record, by: told.by });
            for (const [name, value] of Object.entries(values)) {
                put(studio.box(row, name), value);
            }
            row.querySelector(".lookup-offer")?.remove();
        });
        return button;
    }

    if (home && studio) {
        document.addEventListener("click", (event) => {
            const button = event.target.closest("[data-pick]");
            if (button?.dataset.pick === "chain") {
                pickTransforms(button);
            } else if (button) {
                pickPath(button, button.dataset.pick);
            }
        });
        document.addEventListener("change", (event) => {
            const row = event.target.closest?.(".grid-row");
            if (row && /-(kind|comes_from|target)$/.test(event.target.name ?? "")) {
                offerLookup(row);
            }
        });
        document.addEventListener(
            "toggle",
            (event) => {
                if (event.target.matches?.(".grid-row[open]") && studio.box(event.target, "kind")) {
                    offerLookup(event.target);
                }
            },
            true,
        );
    }
}
