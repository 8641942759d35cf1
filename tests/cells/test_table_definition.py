"""Names of tables in parts, and the SQL that makes a table of a schema."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.cells.table_definition import create_table, name_parts, quoted, sql_string, sql_type
from fabric_livy_magic.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("trips", ["trips"]),
        (" dbo.trips ", ["dbo", "trips"]),
        ("`my ws`.House.dbo.`a.b``c`", ["my ws", "House", "dbo", "a.b`c"]),
        ("two words", ["two words"]),
    ],
)
def test_a_name_in_its_parts(text: str, parts: list[str]) -> None:
    assert name_parts(text) == parts


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "`a", "`a`b", "``", "a. b"])
def test_what_is_no_name_is_told(text: str) -> None:
    with pytest.raises(SettingsError, match="is no name of a table"):
        name_parts(text)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_any_quoted_name_is_read_back(parts: list[str]) -> None:
    assert name_parts(quoted(parts)) == parts


def field(name: str, kind: object, *, nullable: bool = True, **metadata: object) -> dict[str, object]:
    return {"name": name, "type": kind, "nullable": nullable, "metadata": metadata}


def test_a_table_of_each_kind_of_column() -> None:
    inner = {"type": "struct", "fields": [field("a b", "long", nullable=False), field("t", "timestamp_ntz")]}
    schema = {
        "fields": [
            field("id", "integer", nullable=False, comment="it's\nthe key"),
            field("fare", "decimal(10,2)"),
            field("code", "string", __CHAR_VARCHAR_TYPE_STRING="varchar(8)"),
            field("of`x", {"type": "array", "elementType": inner, "containsNull": True}),
            field("day", {"type": "map", "keyType": "string", "valueType": "date", "valueContainsNull": True}),
        ]
    }
    assert create_table(["dbo", "my trips"], schema, ["day"]) == (
        "CREATE TABLE `dbo`.`my trips` (`id` INT NOT NULL COMMENT 'it\\'s\\nthe key', `fare` DECIMAL(10,2), `code` VARCHAR(8), "
        "`of``x` ARRAY<STRUCT<`a b`: BIGINT NOT NULL, `t`: TIMESTAMP_NTZ>>, `day` MAP<STRING, DATE>) PARTITIONED BY (`day`) "
        "TBLPROPERTIES ('delta.columnMapping.mode' = 'name')"
    )


@pytest.mark.parametrize("kind", ["int) USING csv --", "decimal(3)", {"type": "udt"}, None, 7])
def test_a_type_that_is_none_reaches_no_sql(kind: object) -> None:
    with pytest.raises(SettingsError, match="has no column of the type"):
        sql_type(kind)


@given(st.text())
def test_a_comment_ends_only_at_its_end(text: str) -> None:
    inside = sql_string(text)[1:-1].replace("\\\\", "")
    assert "'" not in inside.replace("\\'", "")
    assert not inside.endswith("\\")
