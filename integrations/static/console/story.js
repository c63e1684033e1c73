"use strict";
// Ctrl K, ⌘ K, or "g" then "s", lead to the search box of the header from any page.
{
    const box = document.getElementById("story-word");
    const PAUSE = 1500;
    let began = 0; // when "g" was pressed

    function isTyping(target) {
        return target.closest("input:not([type=checkbox]), textarea, select, dialog");
    }

    function isSecond(event) {
        return event.key === "s" && Date.now() - began < PAUSE;
    }

    // Before anybody else: on lists "s" alone means something, and "g" begins there too.
    function onKey(event) {
        const isChord = event.ctrlKey !== event.metaKey && !event.altKey && !event.shiftKey;
        if (isChord && event.key.toLowerCase() === "k") {
            open(event);
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
            return;
        }
        if (isSecond(event)) {
            open(event);
        }
        began = event.key === "g" ? Date.now() : 0;
    }

    function open(event) {
        event.preventDefault();
        event.stopImmediatePropagation();
        box.focus();
        box.select();
    }

    if (box) {
        document.addEventListener("keydown", onKey, {capture: true});
    }
}
