"use strict";
// Closes open menus on Escape and on a click elsewhere; they open without script.
{
    const openMenus = () => document.querySelectorAll("details.menu[open]");

    document.addEventListener("click", (event) => {
        for (const menu of openMenus()) {
            if (!menu.contains(event.target)) {
                menu.open = false;
            }
        }
    });

    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") {
            return;
        }
        for (const menu of openMenus()) {
            menu.open = false;
            menu.querySelector("summary").focus();
        }
    });
}
