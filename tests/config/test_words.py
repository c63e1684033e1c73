"""One word for one thing, in the menu, in titles and in breadcrumbs."""

import re
from pathlib import Path

import pytest
from django.contrib import admin

from config.admin import MODEL_NAMES

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "admin"
ROOT = re.compile(r"""<a href="{% url 'admin:index' %}">([^<]+)</a>""")


def test_every_breadcrumb_begins_with_one_word():
    found = {
        word
        for page in TEMPLATES.rglob("*.html")
        for word in ROOT.findall(page.read_text())
    }
    assert found == {"Home"} == {admin.site.index_title}


@pytest.mark.parametrize(
    "address",
    ["integrations/drift", "integrations/refresh", "integrations/payloadrule"],
)
def test_a_list_is_called_as_in_the_menu(admin_client, address):
    text = admin_client.get(f"/admin/{address}/").content.decode()
    label, name = address.split("/")
    [model] = [
        one
        for one in admin.site._registry
        if (one._meta.app_label, one._meta.model_name) == (label, name)
    ]
    called = MODEL_NAMES[model._meta.object_name]
    assert re.search(rf"<h1>\s*{called}\s*</h1>", text)
    assert re.search(rf"›\s*{called}\s*</div>", text)
