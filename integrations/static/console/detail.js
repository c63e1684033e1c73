"use strict";
// The page of one failed record: sheets over it, counters, undo, the light, live parts.
// Without script every link and button leads to a page that does the same.
{
    const sheet = document.getElementById("sheet");

    async function fetchPage(address, options = {}) {
        const answer = await fetch(address, options);
        if (!answer.ok) {
            throw new Error(`answered ${answer.status}`);
        }
        return new DOMParser().parseFromString(await answer.text(), "text/html");
    }

    // Sheets

    async function openSheet(link) {
        let part = null;
        try {
            part = (await fetchPage(link.href)).getElementById("sheet-part");
        } catch {
            // The page itself says better what is wrong.
        }
        if (!part) {
            window.location.assign(link.href);
            return;
        }
        sheet.replaceChildren(document.adoptNode(part));
        sheet.showModal();
        countAll(sheet);
        const boxes = "[name^=place_], input[type=radio]:checked, textarea, [name=reason]";
        const ready = sheet.querySelector("[data-ready] [type=submit]");
        (ready ?? sheet.querySelector(boxes))?.focus();
    }

    document.addEventListener("click", (event) => {
        const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
        const link = event.target.closest("a[data-dialog]");
        if (link && sheet && plain) {
            event.preventDefault();
            openSheet(link);
        }
        if (event.target.closest("#sheet [data-close]") && plain) {
            event.preventDefault();
            sheet.close();
        }
    });

    // Character counters

    function count(counter) {
        const box = document.getElementById(counter.dataset.for);
        const longest = Number(box?.dataset.longest);
        if (!box || !longest) {
            return;
        }
        // The server counts code points, a string here has code units.
        const length = [...box.value].length;
        const over = length - longest;
        const more = over > 0 ? `, ${over} too many` : "";
        counter.textContent = `${length} of ${longest} characters${more}`;
        counter.classList.toggle("counter-over", over > 0);
    }

    function countAll(root) {
        root.querySelectorAll(".counter").forEach(count);
    }

    document.addEventListener("input", (event) => {
        const own = document.querySelector(`.counter[data-for="${event.target.id}"]`);
        if (own) {
            count(own);
        }
    });
    countAll(document);

    // Take it back, while the seconds last

    function countDown() {
        const bar = document.querySelector(".undo-bar");
        if (!bar) {
            return;
        }
        const end = Date.now() + Number(bar.dataset.seconds) * 1000;
        const timer = window.setInterval(() => {
            const left = Math.max(0, Math.round((end - Date.now()) / 1000));
            bar.querySelector(".undo-left").textContent = left;
            if (!left || !bar.isConnected) {
                bar.hidden = true;
                window.clearInterval(timer);
            }
        }, 1000);
    }
    countDown();

    // Whatever the page shows is drawn by the server; here parts of it are exchanged.

    function exchange(fresh, selector) {
        const [now, next] = [document, fresh].map((page) => page.querySelector(selector));
        if (now && next) {
            now.replaceWith(document.adoptNode(next));
        }
    }

    async function checkFirst(form, button) {
        button.disabled = true;
        document.getElementById("light").textContent = "Checking, nothing is sent …";
        try {
            const fresh = await fetchPage(form.action, {
                method: "POST",
                body: new FormData(form),
            });
            exchange(fresh, ".line-page");
        } catch {
            form.submit();
        }
    }

    document.addEventListener("submit", (event) => {
        const button = event.submitter;
        if (event.target.action.endsWith("/preflight/") && button) {
            event.preventDefault();
            checkFirst(event.target, button);
        }
    });

    // Keys: the same letters as on the list press the buttons of this page.

    let began = 0; // when "g" was pressed

    function isTyping(target) {
        return target.closest("input, textarea, select, dialog");
    }

    document.addEventListener("keydown", (event) => {
        const changed = event.ctrlKey || event.metaKey || event.altKey;
        if (!sheet || changed || isTyping(event.target)) {
            return;
        }
        const isSecond = Date.now() - began < 1500;
        began = event.key === "g" ? Date.now() : 0;
        if (event.key === "?") {
            event.preventDefault();
            document.getElementById("key-help").showModal();
            return;
        }
        const name = isSecond ? `data-go="${event.key}"` : `data-key="${event.key}"`;
        const control = /^[a-z]$/.test(event.key) && document.querySelector(`[${name}]`);
        if (control) {
            event.preventDefault();
            control.click();
        }
    });

    document.querySelector("[data-open=key-help]")?.addEventListener("click", () => {
        document.getElementById("key-help").showModal();
    });

    // live.js follows a retry; when it has ended, the whole page is drawn afresh,
    // unless a person is in the middle of something.

    document.addEventListener("settled", async () => {
        const busy = sheet?.open || document.activeElement?.matches("input, textarea, select");
        if (busy) {
            return;
        }
        try {
            const fresh = await fetchPage(window.location.href);
            document.title = fresh.title;
            exchange(fresh, "#content-main");
        } catch {
            // "See what happened" is still there.
        }
    });
}
