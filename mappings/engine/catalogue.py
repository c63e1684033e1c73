"""The catalogue of transforms: what a row may do with a value on its way.

Each has a label, plain words, described parameters and an example, so that a form can
offer it without knowing it.
"""

from collections.abc import Mapping
from decimal import Decimal

from mappings.engine import amounts, codes, moments, numbers, postal, texts
from mappings.engine.parameters import (
    DATE_FORMATS,
    LAYOUTS,
    ZONE,
    choices,
    count,
    number_format,
    text,
)
from mappings.engine.shapes import Example, Parameter, Transform

TEXT, LISTS, NUMBERS, DATES = "Text", "Lists", "Numbers", "Dates"
CODES, ADDRESSES, YES_NO = "Codes", "Addresses and phones", "Yes and no"

_TEXTS = (
    Transform(
        "trim",
        "text",
        "Removes spaces at both ends.",
        str.strip,
        label="Trim",
        example=Example("  Ada ", "Ada"),
        is_idempotent=True,
    ),
    Transform(
        "collapse_spaces",
        "text",
        "Turns line breaks and several spaces into one space.",
        texts.collapse_spaces,
        label="One line",
        example=Example("12  Harbour\nRoad", "12 Harbour Road"),
        is_idempotent=True,
    ),
    Transform(
        "upper",
        "text",
        "Writes all in capital letters.",
        str.upper,
        label="Capitals",
        example=Example("abc-1", "ABC-1"),
        is_idempotent=True,
    ),
    Transform(
        "lower",
        "text",
        "Writes all in small letters.",
        str.lower,
        label="Small letters",
        example=Example("Ada@Example.com", "ada@example.com"),
        is_idempotent=True,
    ),
    Transform(
        "title",
        "text",
        "Begins each word with a capital.",
        texts.title,
        label="Capital first letters",
        example=Example("mary o'neill", "Mary O'neill"),
    ),
    Transform(
        "cut",
        "text",
        "Shortens to a length, at the end of a word where there is one.",
        texts.cut,
        (count("length", "Length", "How many characters may stay."),),
        "Cut",
        example=Example("Two-person tent", "Two-person", {"length": 12}),
        is_idempotent=True,
    ),
    Transform(
        "replace",
        "text",
        "Replaces each occurrence of a text.",
        texts.replace,
        (
            text("find", "Find", "What to look for."),
            text("with", "Replace with", "What to put there.", ""),
        ),
        "Replace",
        example=Example("#1001", "1001", {"find": "#"}),
    ),
    Transform(
        "template",
        "any",
        "Puts the value into a text: {value}, or {1}, {2} … for those of a list.",
        texts.template,
        (text("text", "Text", "The text around the value, as Order {value}."),),
        "Put into a text",
        example=Example("1001", "Order 1001", {"text": "Order {value}"}),
    ),
    Transform(
        "default_if_empty",
        "any",
        "Puts a value where there is none, before tables and look-ups.",
        texts.default,
        (text("value", "Value", "The value to put."),),
        "Value if empty",
        example=Example("", "Standard", {"value": "Standard"}),
        is_idempotent=True,
    ),
    Transform(
        "strip_html",
        "text",
        "Removes HTML tags, keeps the words.",
        texts.no_html,
        label="Remove HTML",
        example=Example("<p>Tent &amp; <b>poles</b></p>", "Tent & poles"),
    ),
    Transform(
        "strip_emoji",
        "text",
        "Removes emoji and pictures that targets may refuse.",
        texts.no_emoji,
        label="Remove emoji",
        example=Example("Tent 🏕️", "Tent"),
        is_idempotent=True,
    ),
    Transform(
        "printable",
        "text",
        "Removes control characters and marks that turn the writing direction.",
        texts.printable,
        label="Remove control characters",
        example=Example("Te\u202ent", "Tent"),
        is_idempotent=True,
    ),
    Transform(
        "external_id_safe",
        "text",
        "Lets only letters, digits, _ and - pass, as external ids need.",
        texts.external_id_safe,
        label="Check for an external id",
        example=Example("shop-order-1001", "shop-order-1001"),
        is_idempotent=True,
    ),
)

_LISTS = (
    Transform(
        "split",
        "text",
        "Splits a text into a list.",
        texts.split,
        (text("separator", "Separator", "What stands between the parts.", ","),),
        "Split",
        example=Example("red, blue", ["red", "blue"]),
    ),
    Transform(
        "split_lines",
        "text",
        "Splits a text, as an address block, into its lines.",
        postal.split_lines,
        label="Split into lines",
        example=Example("12 Harbour Road\nUnit 4", ["12 Harbour Road", "Unit 4"]),
    ),
    Transform(
        "pick",
        "list",
        "Takes the value at a place of a list, the first is 1.",
        postal.pick,
        (count("place", "Place", "Which value, counted from 1."),),
        "Take one of a list",
        example=Example(["12 Harbour Road", "Unit 4"], "Unit 4", {"place": 2}),
    ),
    Transform(
        "join",
        "list",
        "Joins the values that are there into one text.",
        texts.join,
        (text("separator", "Separator", "What to put between them.", " "),),
        "Join",
        example=Example(["Ada", "", "Lovelace"], "Ada Lovelace"),
        is_idempotent=True,
    ),
    Transform(
        "first_non_empty",
        "list",
        "Takes the first value that is there.",
        texts.first,
        label="First that is there",
        example=Example(["", "ada@example.com"], "ada@example.com"),
    ),
)

_NUMBERS_LIST = (
    Transform(
        "number",
        "number",
        "Reads an exact number written with a point, as 1234.50.",
        numbers.number,
        label="Number",
        example=Example("10.50", Decimal("10.50")),
        is_idempotent=True,
    ),
    Transform(
        "read_number",
        "any",
        "Reads a number written in another way, as 1.234,56.",
        amounts.read_number,
        (number_format("How 1234.56 looks at the source.", None),),
        "Read a number",
        example=Example("1.234,56", Decimal("1234.56"), {"like": "1.234,56"}),
        is_idempotent=True,
    ),
    Transform(
        "write_number",
        "number",
        "Writes a number in a pattern; refuses one that would have to be rounded.",
        amounts.write_number,
        (number_format("How 1234.56 shall look at the target.", "1234.56"),),
        "Write a number",
        example=Example(Decimal("1234.5"), "1.234,50", {"like": "1.234,56"}),
    ),
    Transform(
        "whole_number",
        "number",
        "Reads a number that has no fraction.",
        numbers.whole_number,
        label="Whole number",
        example=Example("12.00", 12),
        is_idempotent=True,
    ),
    Transform(
        "at_least_zero",
        "number",
        "Writes 0 for a number below it.",
        numbers.at_least_zero,
        label="0 for less",
        example=Example(Decimal(-3), Decimal(0)),
        is_idempotent=True,
    ),
    Transform(
        "negate",
        "number",
        "Turns the sign of a number.",
        numbers.negate,
        label="Turn the sign",
        example=Example(Decimal("3.34"), Decimal("-3.34")),
    ),
    Transform(
        "absolute",
        "number",
        "Drops the sign of a number.",
        numbers.absolute,
        label="Drop the sign",
        example=Example(Decimal("-3.34"), Decimal("3.34")),
        is_idempotent=True,
    ),
    Transform(
        "sum",
        "list",
        "Adds the numbers of a list; not for amounts of money.",
        numbers.total,
        label="Add",
        example=Example(["2", "3"], Decimal(5)),
        is_idempotent=True,
    ),
    Transform(
        "sum_check",
        "list",
        "Gives the first number if the others add up to it, and refuses if not.",
        amounts.sum_check,
        label="Check a sum",
        example=Example(["5.00", "2.00", "3.00"], Decimal("5.00")),
    ),
)

_DATES_LIST = (
    Transform(
        "date",
        "text",
        "Writes the day or time of a moment as it is in a time zone.",
        moments.date,
        (
            ZONE,
            Parameter(
                "format",
                "date_format",
                "How to write it.",
                default="%Y-%m-%d",
                label="Format",
                choices=choices(DATE_FORMATS),
            ),
        ),
        "Write a date",
        example=Example(
            "2026-03-01T23:30:00-05:00", "02.03.2026", {"format": "%d.%m.%Y"}
        ),
    ),
    Transform(
        "read_date",
        "text",
        "Reads a date written in another way, as 31.01.2026.",
        moments.read_date,
        (
            Parameter(
                "format",
                "date_format",
                "How it is written at the source.",
                True,
                None,
                "Format",
                choices(DATE_FORMATS),
            ),
            ZONE,
        ),
        "Read a date",
        example=Example("31.01.2026", "2026-01-31", {"format": "%d.%m.%Y"}),
    ),
)

_CODES_LIST = (
    Transform(
        "country_code",
        "text",
        "Gives the two-letter code.",
        codes.country_code,
        label="Country code",
        example=Example("Germany", "DE"),
        is_idempotent=True,
    ),
    Transform(
        "country_name",
        "text",
        "Gives the English name of a country.",
        codes.country_name,
        label="Country name",
        example=Example("DE", "Germany"),
        is_idempotent=True,
    ),
    Transform(
        "state_code",
        "any",
        "Gives the code of a state or province; takes state and country.",
        codes.state_code,
        (
            text(
                "country",
                "Country",
                "Country code, unless it comes as second value.",
                "",
            ),
        ),
        "State code",
        example=Example(["Kentucky", "US"], "KY"),
    ),
    Transform(
        "state_name",
        "any",
        "Gives the name of a state or province; takes state and country.",
        codes.state_name,
        (
            text(
                "country",
                "Country",
                "Country code, unless it comes as second value.",
                "",
            ),
        ),
        "State name",
        example=Example(["KY", "US"], "Kentucky"),
    ),
    Transform(
        "currency_code",
        "text",
        "Checks the three-letter code.",
        codes.currency_code,
        label="Currency code",
        example=Example("usd", "USD"),
        is_idempotent=True,
    ),
)

_ADDRESSES = (
    Transform(
        "phone",
        "text",
        "Keeps a phone number as written if it fits, else its digits and extension.",
        texts.phone,
        (count("length", "Length", "How many characters may stay.", 32),),
        "Phone number",
        example=Example("+1 (502) 459-2181", "+15024592181", {"length": 14}),
        is_idempotent=True,
    ),
    Transform(
        "address_block",
        "list",
        "Writes the parts of an address as a block of lines: takes "
        f"{', '.join(postal.PARTS)}, in this order.",
        postal.block,
        (
            Parameter(
                "layout",
                "layout",
                "How the line with the city looks.",
                default="us",
                label="Layout",
                choices=choices(LAYOUTS),
            ),
        ),
        "Address block",
        example=Example(
            ["Ada", "", "1 Mill St", "", "Louisville", "KY", "40202", "US"],
            "Ada\n1 Mill St\nLouisville, KY 40202\nUS",
        ),
    ),
)

_YES_NO = (
    Transform(
        "yes_no",
        "any",
        "Writes true and false as two words.",
        texts.yes_no,
        (
            text("yes", "For true", "Word for true.", "Yes"),
            text("no", "For false", "Word for false.", "No"),
        ),
        "Words for yes and no",
        example=Example(True, "T", {"yes": "T", "no": "F"}),
    ),
    Transform(
        "true_false",
        "any",
        "Reads yes or no, T or F, 1 or 0 as true and false.",
        amounts.true_false,
        label="Read yes or no",
        example=Example("Yes", True),
        is_idempotent=True,
    ),
)

GROUPS = {
    TEXT: _TEXTS,
    LISTS: _LISTS,
    NUMBERS: _NUMBERS_LIST,
    DATES: _DATES_LIST,
    CODES: _CODES_LIST,
    ADDRESSES: _ADDRESSES,
    YES_NO: _YES_NO,
}
CATALOGUE: Mapping[str, Transform] = {
    transform.name: transform for group in GROUPS.values() for transform in group
}
