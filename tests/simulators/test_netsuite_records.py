import json
import threading
import time

import pytest

from tests.simulators.netsuite_client import (
    HOST,
    RECORD,
    SERVER_TIME,
    detail_of,
    open_account,
    order_for,
)

PERSON = {"isPerson": True, "firstName": "Ada", "lastName": "Lovelace"}


def test_post_answers_204_with_the_new_address_and_no_body():
    api = open_account()
    answer = api.post("/customer", {**PERSON, "email": "ada@example.com"})
    assert answer.status_code == 204
    assert answer.content == b""
    assert answer.headers["Location"] == f"{RECORD}/customer/101"


def test_record_reads_back_with_ids_as_strings_and_links():
    api = open_account()
    key = api.create("/salesOrder", order_for(api))
    order = api.get(f"/salesOrder/{key}").json()
    assert order["id"] == key
    assert order["links"] == [{"rel": "self", "href": f"{RECORD}/salesOrder/{key}"}]
    assert order["entity"] == {
        "links": [{"rel": "self", "href": f"{RECORD}/customer/101"}],
        "id": "101",
        "refName": "CUST1",
    }
    assert order["currency"]["refName"] == "USD"
    assert order["item"] == {
        "links": [{"rel": "self", "href": f"{RECORD}/salesOrder/{key}/item"}]
    }
    assert order["orderStatus"] == {"id": "A", "refName": "Pending Approval"}
    assert order["createdDate"] == "2026-03-26T16:21:00Z"
    assert order["tranDate"] == "2026-03-26"


def test_record_is_found_by_external_id_in_any_case():
    api = open_account()
    key = api.create("/customer", {**PERSON, "externalId": "Shop-1"})
    assert api.get("/customer/eid:Shop-1").json()["id"] == key
    assert api.get("/customer/eid:shop-1").json()["id"] == key


def test_record_names_are_taken_in_any_case():
    api = open_account()
    answer = api.post("/salesorder", order_for(api))
    assert answer.headers["Location"].startswith(f"{RECORD}/salesOrder/")


def test_fields_limit_the_answer_to_body_fields():
    api = open_account()
    api.create("/salesOrder", order_for(api))
    order = api.get("/salesOrder/eid:shopify-s-order-1", fields="otherRefNum").json()
    assert order.keys() == {"links", "id", "otherRefNum"}
    answer = api.get("/salesOrder/eid:shopify-s-order-1", fields="foo")
    assert detail_of(answer)["o:errorQueryParam"] == "fields"


def test_enumerations_can_be_read_as_plain_values():
    api = open_account()
    key = api.create("/salesOrder", order_for(api, orderStatus={"id": "B"}))
    order = api.get(f"/salesOrder/{key}", simpleEnumFormat="true").json()
    assert (order["orderStatus"], order["status"]) == ("B", "B")


def test_expanded_sublist_carries_lines_and_counts():
    api = open_account()
    key = api.create("/salesOrder", order_for(api))
    order = api.get(f"/salesOrder/{key}", expandSubResources="true").json()
    item = order["item"]
    assert (item["count"], item["hasMore"], item["offset"], item["totalResults"]) == (
        1, False, 0, 1,
    )  # fmt: skip
    assert item["items"][0]["line"] == 1
    assert item["items"][0]["lineUniqueKey"] == "5001"
    assert item["items"][0]["item"]["refName"] == "MUG"


def test_sub_resources_have_their_own_addresses():
    api = open_account()
    address = {"addr1": "1 Main St", "city": "Reno", "country": {"id": "US"}}
    key = api.create("/salesOrder", order_for(api, shippingAddress=address))
    assert api.get(f"/salesOrder/{key}/item").json()["count"] == 1
    assert api.get(f"/salesOrder/{key}/item/1").json()["quantity"] == 2
    assert api.get(f"/salesOrder/{key}/shippingAddress").json()["city"] == "Reno"
    assert api.get(f"/salesOrder/{key}/item/7").status_code == 404
    assert api.get(f"/salesOrder/{key}/memo").status_code == 404


def test_address_book_entries_lead_to_their_address():
    api = open_account()
    entry = {"defaultShipping": True, "addressBookAddress": {"city": "Reno"}}
    key = api.create("/customer", {**PERSON, "addressBook": {"items": [entry]}})
    book = api.get(f"/customer/{key}/addressBook").json()
    line = book["items"][0]["id"]
    answer = api.get(f"/customer/{key}/addressBook/{line}/addressBookAddress")
    assert answer.json()["city"] == "Reno"


def test_patch_keeps_what_is_left_out_and_clears_null():
    api = open_account()
    key = api.create("/customer", {**PERSON, "phone": "1", "comments": "old"})
    answer = api.patch(f"/customer/{key}", {"comments": None})
    assert answer.status_code == 204
    assert answer.headers["Location"].endswith(f"/customer/{key}")
    customer = api.get(f"/customer/{key}").json()
    assert "comments" not in customer
    assert customer["phone"] == "1"


def test_put_by_external_id_creates_then_updates_with_the_same_status():
    api = open_account()
    first = api.put("/customer/eid:shop-7", {**PERSON, "phone": "1"})
    second = api.put("/customer/eid:shop-7", {"phone": "2"})
    assert (first.status_code, second.status_code) == (204, 204)
    assert first.headers["Location"] == second.headers["Location"]
    assert api.simulator.customers["shop-7"]["phone"] == "2"
    assert len(api.simulator.stored("customer")) == 1


def test_put_may_echo_the_external_id_in_its_location():
    api = open_account(upsert_location_echoes_external_id=True)
    answer = api.put("/customer/eid:shop-7", PERSON)
    assert answer.headers["Location"] == f"{RECORD}/customer/eid:shop-7"


def test_put_needs_an_external_id():
    api = open_account()
    key = api.create("/customer", PERSON)
    assert api.put(f"/customer/{key}", {"phone": "2"}).status_code == 400


def test_delete_removes_the_record_and_frees_its_external_id():
    api = open_account()
    key = api.create("/customer", {**PERSON, "externalId": "shop-1"})
    assert api.write("DELETE", f"/customer/{key}").status_code == 204
    assert api.get(f"/customer/{key}").status_code == 404
    assert api.post("/customer", {**PERSON, "externalId": "shop-1"}).status_code == 204


def test_misspelt_field_is_dropped_with_a_warning_by_default():
    api = open_account()
    body = {**PERSON, "emial": "x"}
    answer = api.post("/customer", body, X_NetSuite_PropertyNameValidation="Warning")
    assert answer.status_code == 204
    assert "emial" in answer.headers["X-NetSuite-Warning"]
    assert "emial" not in api.simulator.stored("customer")[0]


def test_misspelt_fields_are_all_named_under_strict_validation():
    api = open_account()
    order = order_for(api)
    order["item"]["items"][0]["colour"] = "red"
    answer = api.post("/salesOrder", {**order, "foo": 1})
    assert answer.status_code == 400
    paths = {entry["o:errorPath"] for entry in answer.json()["o:errorDetails"]}
    assert paths == {"foo", "item.items[0].colour"}
    assert api.simulator.orders == {}


def test_ignored_names_leave_no_warning():
    api = open_account()
    answer = api.post(
        "/customer", {**PERSON, "foo": 1}, X_NetSuite_PropertyNameValidation="IGNORE"
    )
    assert answer.status_code == 204
    assert "X-NetSuite-Warning" not in answer.headers


def test_unknown_validation_mode_is_refused():
    api = open_account()
    answer = api.post("/customer", PERSON, X_NetSuite_PropertyNameValidation="strict")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("field", "value"),
    [("isPerson", "yes"), ("creditLimit", "12.50"), ("addressBook", []), ("phone", {})],
)
def test_value_of_the_wrong_kind_is_refused(field, value):
    api = open_account()
    answer = api.post("/customer", {**PERSON, field: value})
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorPath"] == field


def test_value_validation_can_be_turned_to_a_warning():
    api = open_account()
    body = {**PERSON, "creditLimit": "a lot"}
    answer = api.post("/customer", body, X_NetSuite_PropertyValueValidation="warning")
    assert answer.status_code == 204
    assert "creditLimit" in answer.headers["X-NetSuite-Warning"]


def test_wrong_date_has_its_own_code():
    api = open_account()
    answer = api.post("/salesOrder", order_for(api, tranDate="03/26/2026"))
    assert detail_of(answer)["o:errorCode"] == "INVALID_FLD_VALUE"


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "", '{"a": NaN}'])
def test_malformed_body_is_an_invalid_request(body):
    answer = open_account().post("/customer", body)
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorCode"] == "INVALID_REQUEST"


def test_unknown_entity_is_404_and_unknown_transaction_is_400():
    api = open_account()
    missing = api.get("/customer/999999")
    assert missing.status_code == 404
    assert detail_of(missing)["o:errorCode"] == "NONEXISTENT_ID"
    assert "The record instance does not exist" in detail_of(missing)["detail"]
    wrong = api.get("/salesOrder/999999")
    assert wrong.status_code == 400
    assert "Transaction type specified is incorrect." in detail_of(wrong)["detail"]
    assert api.get("/salesOrder/eid:none").status_code == 404
    assert api.get("/noSuchRecord/1").status_code == 404


def test_live_messages_carry_the_usual_prefix():
    api = open_account()
    detail = detail_of(api.get("/customer/999999"))["detail"]
    assert detail.startswith("Error while accessing a resource. ")


def test_space_in_the_address_is_refused():
    api = open_account()
    answer = api.session.get(f"{RECORD}/customer/eid:a%20b")
    assert "Spaces are not allowed" in detail_of(answer)["detail"]


def test_external_ids_outside_the_documented_alphabet_are_refused():
    api = open_account()
    assert api.get("/customer/eid:a|b").status_code == 400
    answer = api.post("/customer", {**PERSON, "externalId": "gid://shopify/Order/1"})
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorPath"] == "externalId"


def test_second_customer_with_an_external_id_already_exists():
    api = open_account()
    api.create("/customer", {**PERSON, "externalId": "shop-1"})
    answer = api.post("/customer", {**PERSON, "externalId": "shop-1"})
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorCode"] == "USER_ERROR"
    assert "This entity already exists." in detail_of(answer)["detail"]


def test_customers_named_alike_collide_without_auto_numbering():
    api = open_account(auto_numbering=False)
    api.create("/customer", PERSON)
    answer = api.post("/customer", PERSON)
    assert "This entity already exists." in detail_of(answer)["detail"]


def test_duplicate_transaction_has_a_text_of_its_own():
    api = open_account(duplicate_transaction_text="That order is there already exists.")
    api.create("/salesOrder", order_for(api))
    answer = api.post("/salesOrder", order_for(api))
    assert "That order is there already exists." in detail_of(answer)["detail"]


def test_customer_with_orders_cannot_be_deleted():
    api = open_account()
    api.create("/salesOrder", order_for(api))
    answer = api.write("DELETE", "/customer/101")
    assert "dependent records" in detail_of(answer)["detail"]


def test_f47_change_between_load_and_save_is_refused():
    api = open_account(race_window=0.2)
    key = api.create("/customer", PERSON)
    slow = threading.Thread(
        target=lambda: answers.append(api.patch(path, {"phone": "1"}))
    )
    answers, path = [], f"/customer/{key}"
    slow.start()
    time.sleep(0.1)
    api.simulator.deactivate("customer", key)
    slow.join()
    assert "Record has been changed" in detail_of(answers[0])["detail"]


def posts_at_once(api, count):
    """Send the same order from several threads and return the statuses."""
    order, statuses = order_for(api), []
    barrier = threading.Barrier(count)

    def send():
        barrier.wait()
        statuses.append(api.post("/salesOrder", order).status_code)

    threads = [threading.Thread(target=send) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


def test_f69_only_one_of_many_equal_posts_at_once_lands():
    api = open_account(allowance=8, race_window=0.05)
    assert posts_at_once(api, 8) == [204] + [400] * 7
    assert len(api.simulator.stored("salesOrder")) == 1


def test_account_that_checks_duplicates_loosely_can_be_played():
    api = open_account(allowance=8, race_window=0.05, atomic_duplicates=False)
    assert posts_at_once(api, 4) == [204] * 4
    assert len(api.simulator.stored("salesOrder")) == 4


def test_role_without_permission_is_refused_as_a_user_error():
    api = open_account()
    order = order_for(api)
    api.simulator.role_permissions.discard("salesOrder")
    answer = api.post("/salesOrder", order)
    assert answer.status_code == 400
    assert detail_of(answer)["o:errorCode"] == "USER_ERROR"
    assert "Your current role does not have permission" in detail_of(answer)["detail"]


def test_forbidden_field_is_an_insufficient_permission():
    api = open_account(forbidden_fields={"memo"})
    answer = api.post("/salesOrder", order_for(api, memo="x"))
    assert answer.status_code == 403
    assert detail_of(answer)["o:errorCode"] == "INSUFFICIENT_PERMISSION"


def test_f47_locked_record_is_refused_even_on_reading():
    api = open_account()
    key = api.create("/salesOrder", order_for(api))
    api.simulator.lock_record("salesOrder", key)
    text = "This record has been locked by a user defined workflow."
    assert text in detail_of(api.get(f"/salesOrder/{key}"))["detail"]
    assert text in detail_of(api.patch(f"/salesOrder/{key}", {"memo": "x"}))["detail"]
    api.simulator.unlock_record("salesOrder", key)
    assert api.get(f"/salesOrder/{key}").status_code == 200


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"isPerson": True}, "lastName"),
        ({"isPerson": False}, "companyName"),
        ({"companyName": ""}, "companyName"),
    ],
)
def test_customer_needs_a_name(changes, field):
    answer = open_account().post("/customer", changes)
    assert answer.status_code == 400
    assert "Please enter value(s) for:" in detail_of(answer)["detail"]
    assert detail_of(answer)["o:errorPath"] == field


def test_f63_phone_of_33_characters_is_too_long():
    answer = open_account().post("/customer", {**PERSON, "phone": "1" * 33})
    assert (
        "The field phone contained more than the maximum number ( 32 ) of characters "
        "allowed." in detail_of(answer)["detail"]
    )
    assert open_account().post("/customer", {**PERSON, "phone": "1" * 32}).ok


def test_line_breaks_are_stored_only_when_escaped_twice():
    api = open_account()
    key = api.create("/customer", {**PERSON, "comments": "a\\nb\nc"})
    assert api.get(f"/customer/{key}").json()["comments"] == "a\nbc"


def test_email_without_a_domain_is_refused():
    answer = open_account().post("/customer", {**PERSON, "email": "ada@"})
    assert detail_of(answer)["o:errorPath"] == "email"


def test_posting_addresses_again_adds_them_again():
    api = open_account()
    entry = {"addressBookAddress": {"city": "Reno"}, "defaultShipping": True}
    body = {**PERSON, "addressBook": {"items": [entry]}}
    api.put("/customer/eid:shop-1", body)
    api.put("/customer/eid:shop-1", body)
    lines = api.simulator.customers["shop-1"]["addressBook"]["items"]
    assert len(lines) == 2
    assert [line["defaultShipping"] for line in lines] == [False, True]


def test_custom_fields_exist_once_they_are_set_up():
    api = open_account()
    body = {**PERSON, "custentity_shop_id": "7"}
    assert api.post("/customer", body).status_code == 400
    api.simulator.add_custom_field("custentity_shop_id")
    key = api.create("/customer", body)
    assert api.get(f"/customer/{key}").json()["custentity_shop_id"] == "7"


def test_custom_columns_belong_to_order_lines():
    api = open_account()
    api.simulator.add_custom_field("custcol_note")
    order = order_for(api)
    order["item"]["items"][0]["custcol_note"] = "blue"
    api.create("/salesOrder", order)
    line = api.simulator.orders["shopify-s-order-1"]["item"]["items"][0]
    assert line["custcol_note"] == "blue"


def test_list_of_records_is_paged():
    api = open_account()
    for name in ("A", "B", "C"):
        api.create("/customer", {"companyName": name})
    page = api.get("/customer", limit="2", offset="2").json()
    assert [item["id"] for item in page["items"]] == ["103"]
    assert (page["count"], page["hasMore"], page["totalResults"]) == (1, False, 3)
    assert (
        detail_of(api.get("/customer", limit="2", offset="1"))["o:errorQueryParam"]
        == "offset"
    )


def test_metadata_shows_types_and_lengths():
    api = open_account(address_line_limit=250)
    url = f"{RECORD}/metadata-catalog"
    headers = {"Accept": "application/swagger+json"}
    answer = api.session.get(
        url, params={"select": "customer,salesOrder"}, headers=headers
    )
    schemas = answer.json()["components"]["schemas"]
    assert schemas.keys() == {"customer", "salesOrder"}
    assert schemas["customer"]["properties"]["phone"]["maxLength"] == 32
    order = schemas["salesOrder"]["properties"]
    assert order["shippingAddress"]["properties"]["addr1"]["maxLength"] == 250
    assert order["total"] == {
        "title": "total", "type": "number", "format": "double", "readOnly": True,
    }  # fmt: skip


def test_one_schema_and_the_list_of_records_can_be_read():
    api = open_account()
    api.simulator.add_custom_field("custentity_shop_id", max_length=40)
    headers = {"Accept": "application/schema+json"}
    answer = api.session.get(f"{RECORD}/metadata-catalog/customer", headers=headers)
    field = answer.json()["properties"]["custentity_shop_id"]
    assert (field["maxLength"], field["x-ns-custom-field"]) == (40, True)
    names = [
        one["name"]
        for one in api.session.get(f"{RECORD}/metadata-catalog").json()["items"]
    ]
    assert "salesOrder" in names


def test_server_time_is_the_accounts_clock_in_utc():
    api = open_account()
    assert api.session.get(SERVER_TIME).json() == {
        "serverTime": "2026-03-26T16:21:00.000Z"
    }


def test_governance_limits_are_for_administrators():
    api = open_account()
    url = f"{HOST}/services/rest/system/v1/governanceLimits"
    assert api.session.get(url).status_code == 403
    api.simulator.is_administrator = True
    assert api.session.get(url).json()["accountConcurrencyLimit"] == 5


def test_numbers_keep_every_digit():
    api = open_account()
    text = json.dumps({**PERSON, "creditLimit": 0})
    text = text.replace('"creditLimit": 0', '"creditLimit": 12345678901234567.10')
    key = api.create("/customer", text)
    assert b'"creditLimit":12345678901234567.10' in api.get(f"/customer/{key}").content
