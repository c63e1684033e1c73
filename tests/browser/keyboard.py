"""Keys, pressed as a person does: once the page that stands there can hear them."""

from playwright.sync_api import Page


def press(page: Page, key: str) -> None:
    """Press a key when the page's own scripts have run.

    A page shows its first words before its deferred scripts listen, so a key pressed
    at the first words of a page that has just come is heard by nobody.
    """
    page.wait_for_load_state("domcontentloaded")
    page.keyboard.press(key)
