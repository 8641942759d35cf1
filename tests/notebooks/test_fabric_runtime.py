"""What differs between this Python and Fabric's runtimes is computed from versions."""

from __future__ import annotations

import pytest

from fabric_livy_magic.notebooks.fabric_runtime import RUNTIMES, difference_of_import, session_differences

OF_RUNTIME_1_3 = dict(RUNTIMES["1.3"].versions)
OF_RUNTIME_2_0 = dict(RUNTIMES["2.0"].versions)


@pytest.mark.parametrize(
    ("name", "installed", "expected"),
    [
        ("pandas", {}, ""),
        ("pandas", {"pandas": "2.2.3"}, ""),
        ("pandas", {"pandas": "3.1.1"}, "pandas 3.1.1 here, 2.1.4 in Fabric's Runtime 1.3"),
        ("sklearn", {"scikit-learn": "1.9.0"}, ""),
        ("sklearn", {"scikit-learn": "2.0"}, "scikit-learn 2.0 here, 1.2.2 in Fabric's Runtime 1.3"),
        ("seaborn", {"seaborn": "0.12.9"}, ""),
        ("seaborn", {"seaborn": "0.13.2"}, "seaborn 0.13.2 here, 0.12.2 in Fabric's Runtime 1.3"),
        ("bs4", {"beautifulsoup4": "5.0"}, "beautifulsoup4 5.0 here, 4.12.2 in Fabric's Runtime 1.3"),
        (
            "azure_storage_blob",
            {"azure-storage-blob": "13.0"},
            "azure-storage-blob 13.0 here, 12.22.0 in Fabric's Runtime 1.3",
        ),
        ("plotly", {"plotly": None}, ""),
        ("a_package_of_mine", {"a-package-of-mine": "9"}, ""),
    ],
)
def test_an_import_is_told_where_its_major_is_another(
    name: str, installed: dict[str, str | None], expected: str
) -> None:
    assert difference_of_import(name, {**OF_RUNTIME_1_3, **installed}.get, (3, 11)) == expected


@pytest.mark.parametrize(
    ("installed", "python", "expected"),
    [
        (OF_RUNTIME_1_3, (3, 11), ""),
        ({**OF_RUNTIME_1_3, "pyspark": "3.5.9"}, (3, 11), ""),
        (
            {**OF_RUNTIME_1_3, "delta-spark": "3.3.3", "pandas": "3.1.1"},
            (3, 12),
            "Not as in Fabric's Runtime 1.3: python 3.12 (there 3.11), delta-spark 3.3.3 (there 3.2.0), pandas 3.1.1 (there 2.1.4).",
        ),
        (OF_RUNTIME_2_0, (3, 13), ""),
        (
            {**OF_RUNTIME_2_0, "pyspark": "4.0.1"},
            (3, 13),
            "Not as in Fabric's Runtime 2.0: pyspark 4.0.1 (there 4.1.1).",
        ),
        ({"pandas": "3.1.1"}, (3, 11), "Not as in Fabric's Runtime 1.3: pandas 3.1.1 (there 2.1.4)."),
        ({"pandas": "2.3.0"}, (3, 13), ""),
    ],
)
def test_what_a_session_runs_with_is_compared_with_the_runtime_of_its_spark(
    installed: dict[str, str], python: tuple[int, int], expected: str
) -> None:
    assert session_differences(installed.get, python) == expected
