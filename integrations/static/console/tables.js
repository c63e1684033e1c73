"use strict";
// Lets rows of inlines turn into cards on small screens: each cell gets the name of
// its column. The grid of a mapping stays a grid.
for (const table of document.querySelectorAll(".tabular :not(.mapping-grid) > table")) {
    const names = [...table.querySelectorAll("thead th")].map((head) => head.innerText);
    for (const row of table.tBodies[0].rows) {
        [...row.cells].forEach((cell, at) => {
            cell.dataset.label = names[at] || "";
        });
    }
    table.classList.add("stack");
}
