"use strict";
// Adds blank rows to a value table; without this file three blank ones stand there.
const more = document.getElementById("add-row");
const body = document.querySelector("table.pairs tbody");
if (more && body) {
    more.hidden = false;
    more.addEventListener("click", () => {
        const last = body.rows[body.rows.length - 1];
        const fresh = last.cloneNode(true);
        const at = Number(last.dataset.index) + 1;
        fresh.dataset.index = String(at);
        for (const box of fresh.querySelectorAll("input")) {
            box.name = box.name.replace(/^row-\d+-/, `row-${at}-`);
            box.value = "";
        }
        for (const remark of fresh.querySelectorAll(".remark, .quiet-line")) {
            remark.remove();
        }
        body.append(fresh);
        fresh.querySelector("input[type=text]").focus();
    });
}

// A form of thousands of rows has more boxes than a server takes: rows that say what
// they said when they were shown are not sent, and stay as they are.
const saysTheSame = (row) => {
    const part = (name) => row.querySelector(`input[name$="-${name}"]`);
    const was = part("was").value;
    const shown = was ? JSON.parse(was) : ["", "", ""];
    const names = ["source", "target", "note"];
    const isKept = names.every((name, at) => part(name).value === shown[at]);
    return isKept && !part("remove")?.checked;
};
body?.closest("form")?.addEventListener("formdata", (event) => {
    for (const row of body.querySelectorAll("tr[data-index]")) {
        if (saysTheSame(row)) {
            for (const box of row.querySelectorAll("input")) {
                event.formData.delete(box.name);
            }
        }
    }
});

// Ticks every row of a list at once.
const all = document.getElementById("pick-all");
if (all) {
    all.closest("label").hidden = false;
    all.addEventListener("change", () => {
        for (const box of document.querySelectorAll("input[name=pick]")) {
            box.checked = all.checked;
        }
    });
}
