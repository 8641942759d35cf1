"""The messages of the Fabric Livy kernels, by Jupyter's own conformance tests."""

# ruff: noqa: RUF012 - samples are class attributes there

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import jupyter_kernel_test
import pytest

from fabric_livy_magic.kernel.install import kernel_specs
from tests.support.kernels import install_kernels

pytestmark = pytest.mark.spark


@pytest.fixture(autouse=True, scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The specs where any Jupyter finds them, on an embedded Fabric of their own."""
    folder = tmp_path_factory.mktemp("jupyter")
    install_kernels(folder)
    variables = {
        "JUPYTER_PATH": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),  # the history of other tests is none of its own
        "FABRIC_LIVY_TARGET": "local",
        "FABRIC_LIVY_LAKEHOUSE": str(folder / "house"),
        "FABRIC_LIVY_PROGRESS": "off",  # a result that takes the place of a progress line is no execute_result
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


class TestPython(jupyter_kernel_test.KernelTests):
    kernel_name = "fabric-livy"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = [
        {"text": "%livy statu", "matches": {"status"}},
        {"text": "%%local\nzi", "matches": {"zip"}},
    ]
    complete_code_samples = [
        "1",
        "print('hello')",
        "def f(x):\n  return x * 2\n\n",
        "%livy status",
        "%%sql\nSELECT 1\n\n",
    ]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x * 2", "%%sql\nSELECT 1"]
    invalid_code_samples = ["import = 7q"]
    code_page_something = "%%local\nget_ipython().run_line_magic('pinfo', 'len')"
    code_generate_error = "raise ValueError('of the cell')"
    code_execute_result = [
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": "spark.range(2)", "mime": "text/html"},
        {"code": "%%sql\nSELECT 1 AS one", "mime": "text/html"},
        {"code": "%%local\n7 * 6", "result": "42"},
    ]
    code_display_data = [
        {"code": "displayHTML('<b>bold</b>')", "mime": "text/html"},
        {"code": "display(spark.range(1))", "mime": "text/html"},
    ]
    code_inspect_sample = "spark.range"
    code_clear_output = "%%local\nfrom IPython.display import clear_output\nclear_output()"
    code_history_pattern = "1*2*"
    supported_history_operations = ("tail", "search")


class TestSql(jupyter_kernel_test.KernelTests):
    kernel_name = "fabric-livy-sql"
    language_name = "sql"
    file_extension = ".sql"
    complete_code_samples = ["SELECT 1", "SELECT 'a;b' -- it's", "%%pyspark\nx\n\n"]
    incomplete_code_samples = ["SELECT (1", "SELECT 'a", "/* not closed"]
    code_execute_result = [{"code": "SELECT 1 AS one", "mime": "text/html"}]
    code_generate_error = "SELECT nothing"

    def test_error(self) -> None:
        """One error, and the whole of it folded below, which the conformance test does not know."""
        self.flush_channels()
        reply, outputs = self.execute_helper(code=self.code_generate_error)
        assert reply["content"]["status"] == "error"
        assert [one["msg_type"] for one in outputs] == ["error", "display_data"]


class TestScala(jupyter_kernel_test.KernelTests):
    kernel_name = "fabric-livy-scala"
    language_name = "scala"
    file_extension = ".scala"
    complete_code_samples = ["val x = 1", "def f(x: Int) = { x }", 'println("a { b")']
    incomplete_code_samples = ["def f(x: Int) = {", "val x =", "if (true) 1 else"]


def test_logos_and_specs_are_whole() -> None:
    for folder in kernel_specs():
        assert {file.name for file in folder.iterdir()} == {
            "kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"
        }  # fmt: skip
        assert "ipykernel" in (folder / "kernel.json").read_text(encoding="utf-8").split("-m", 1)[1].split("-f")[0]


def test_pip_alone_registers_the_kernels() -> None:
    where = Path(sysconfig.get_path("data")) / "share" / "jupyter" / "kernels"
    assert {folder.name for folder in kernel_specs()} <= {folder.name for folder in where.iterdir()}
