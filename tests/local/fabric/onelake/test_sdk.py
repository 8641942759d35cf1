"""OneLake's file calls by Microsoft's own SDK."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.filedatalake import DataLakeServiceClient, FileSystemClient

from tests.local.fabric.onelake.conftest import BRONZE

pytestmark = pytest.mark.spark  # needs the `local` extra


# ------------------------------------------------------------------------------------------------ the SDK
def test_the_sdk_uploads_reads_and_deletes_a_file(sales: FileSystemClient, house: Path) -> None:
    directory = sales.create_directory("Bronze.Lakehouse/Files/sdk é x")
    file = directory.get_file_client("a b.bin")
    content = os.urandom(3_000_000)
    file.upload_data(content, overwrite=True)
    assert (house / "Files" / "sdk é x" / "a b.bin").read_bytes() == content
    assert file.download_file().readall() == content
    assert file.download_file(offset=2_999_990, length=100).readall() == content[-10:]
    assert file.get_file_properties().size == len(content)
    assert (file.exists(), directory.exists(), directory.get_file_client("no").exists()) == (True, True, False)
    file.delete_file()
    assert not file.exists()


def test_the_sdk_uploads_pieces_side_by_side(sales: FileSystemClient) -> None:
    file = sales.get_file_client(f"{BRONZE}/Files/pieces.bin")
    content = os.urandom(5_000_000)
    file.upload_data(content, overwrite=True, chunk_size=300_000, max_concurrency=4)
    assert file.download_file(max_concurrency=4).readall() == content


def test_the_sdk_overwrites_no_file_unless_requested(sales: FileSystemClient) -> None:
    file = sales.get_file_client(f"{BRONZE}/Files/kept.txt")
    file.upload_data(b"first", overwrite=True)
    with pytest.raises(HttpResponseError):
        file.upload_data(b"second", overwrite=False)
    assert file.download_file().readall() == b"first"


def test_the_sdk_lists_by_pages(sales: FileSystemClient) -> None:
    for name in ("one.txt", "two/three.txt", "two/four/five.txt"):
        sales.get_file_client(f"Bronze.Lakehouse/Files/listed/{name}").create_file()
    pages = sales.get_paths("Bronze.Lakehouse/Files/listed", recursive=True, max_results=2).by_page()
    found = [[(path.name, path.is_directory) for path in page] for page in pages]
    start = "Bronze.Lakehouse/Files/listed"
    assert found == [
        [(f"{start}/one.txt", False), (f"{start}/two", True)],
        [(f"{start}/two/four", True), (f"{start}/two/four/five.txt", False)],
        [(f"{start}/two/three.txt", False)],
    ]
    assert [path.name for path in sales.get_paths("Bronze.Lakehouse", recursive=False)] == [
        "Bronze.Lakehouse/Files", "Bronze.Lakehouse/Tables",
    ]  # fmt: skip
    assert [path.name for path in sales.get_paths(recursive=False)] == ["Bronze.Lakehouse", "gold.Lakehouse"]


def test_the_sdk_moves_files_and_folders(sales: FileSystemClient, house: Path) -> None:
    directory = sales.create_directory(f"{BRONZE}/Files/before é")
    directory.create_file("x.txt")
    moved = directory.rename_directory(f"{sales.file_system_name}/{BRONZE}/Files/after")
    assert (house / "Files" / "after" / "x.txt").exists()
    assert not (house / "Files" / "before é").exists()
    moved.get_file_client("x.txt").rename_file(f"{sales.file_system_name}/{BRONZE}/Tables/t/y.txt")
    assert (house / "Tables" / "t" / "y.txt").exists()


def test_the_sdk_reports_what_does_not_exist(service_client: DataLakeServiceClient, sales: FileSystemClient) -> None:
    assert sales.exists()
    assert not service_client.get_file_system_client("nowhere").exists()
    for path in (f"{BRONZE}/Files/nosuch.txt", "nosuch.Lakehouse/Files/x.txt", f"{BRONZE}/.catalog/x"):
        with pytest.raises(ResourceNotFoundError):
            sales.get_file_client(path).download_file()
