"use strict";
// Who else has this record open: says so, and that we have. Without script the page
// shows who was there when it was drawn, and the button works as a form.
{
    const EVERY = 10000;

    function token() {
        return document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
    }

    // Looked up each time: other scripts exchange parts of the page.
    function place() {
        return document.querySelector("[data-presence-url]");
    }

    function show(found) {
        const here = place();
        const line = here.querySelector(".presence-said");
        const words = found.said.join(". ");
        if ([...line.children].map((one) => one.textContent).join(". ") !== words) {
            line.replaceChildren(
                ...found.said.map((text) => {
                    const span = document.createElement("span");
                    span.textContent = text;
                    return span;
                }),
            );
        }
        const button = here.querySelector(".presence-claim");
        if (button) {
            button.value = found.is_on_it ? "0" : "1";
            button.setAttribute("aria-pressed", String(found.is_on_it));
        }
    }

    async function tell(address, data) {
        const answer = await fetch(address, {
            method: "POST",
            body: data,
            headers: {Accept: "application/json", "X-CSRFToken": token()},
        });
        if (answer.ok && !answer.redirected) {
            show(await answer.json());
        }
        return answer;
    }

    async function follow() {
        const here = place();
        if (here && !document.hidden) {
            try {
                const answer = await tell(here.dataset.presenceUrl, new FormData());
                if (answer.redirected || [403, 404].includes(answer.status)) {
                    return;
                }
            } catch {
                // The line is down for a moment: the next round tells again.
            }
        }
        window.setTimeout(follow, EVERY);
    }

    document.addEventListener("submit", async (event) => {
        const button = event.submitter;
        if (!button?.classList.contains("presence-claim")) {
            return;
        }
        event.preventDefault();
        const form = event.target;
        const data = new FormData(form, button);
        try {
            const answer = await tell(form.action, data);
            if (!answer.ok) {
                throw new Error(`answered ${answer.status}`);
            }
        } catch {
            window.location.reload();
        }
    });

    if (place()) {
        follow();
    }
}
