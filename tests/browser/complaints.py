"""What a page complains of in the browser: script errors and what the policy refused."""

from playwright.sync_api import Page


def complaints(page: Page) -> list[str]:
    """The list that fills with each complaint from here on.

    Remarks below an error are left out: whether Chromium says that a focus was
    already taken depends on which of two moments came first.
    """
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda told: told.type == "error" and said.append(told.text))
    return said
