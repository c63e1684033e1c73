import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.connectors.external_ids import external_id


def test_external_id_names_shop_entity_and_source_id():
    assert external_id("shopify-acme", "order", "450789469") == (
        "shopify-acme-order-450789469"
    )


@pytest.mark.parametrize("bad", ["gid://shopify/Order/1", "a b", "a|b", "ü"])
def test_ids_outside_the_vendors_alphabet_are_refused(bad):
    with pytest.raises(ValueError, match="characters"):
        external_id("shopify-acme", "order", bad)


@given(st.text(alphabet="abc123-_", min_size=1), st.integers(min_value=1))
def test_external_id_is_a_pure_function_of_its_parts(namespace, number):
    assert external_id(namespace, "order", str(number)) == external_id(
        namespace, "order", str(number)
    )
