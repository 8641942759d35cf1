"""OneLake as clients of blobs see it: Microsoft's blob SDK as it is, and requests that it does not make."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.filedatalake import DataLakeServiceClient
from hypothesis import given
from hypothesis import strategies as st

from fabric_livy_magic.local.lakehouse.onelake_blobs import Blobs, list_blobs
from fabric_livy_magic.local.lakehouse.onelake_files import read_path
from fabric_livy_magic.local.lakehouse.workspaces import one_lakehouse
from tests.local.fabric.onelake.conftest import BRONZE, SALES, root_of, with_token
from tests.support.service import Api

pytestmark = pytest.mark.spark  # needs the `local` extra


@pytest.fixture(scope="module")
def blobs(api: Api) -> Iterator[BlobServiceClient]:
    """Above 100 kB it puts blocks."""
    sizes = {"max_single_put_size": 100_000, "max_block_size": 300_000}
    with BlobServiceClient(root_of(api), raw_request_hook=with_token, retry_total=0, **sizes) as client:
        yield client


@pytest.fixture(scope="module")
def sales_blobs(blobs: BlobServiceClient) -> ContainerClient:
    return blobs.get_container_client(SALES)


def names(blobs: ContainerClient, prefix: str, **options: Any) -> list[str]:
    return [one.name.removeprefix(prefix) for one in blobs.list_blobs(name_starts_with=prefix, **options)]


# ------------------------------------------------------------------------------------------------ the SDK
@pytest.mark.parametrize("size", [0, 5, 1_000_000], ids=["empty", "at once", "in blocks"])
def test_a_blob_is_put_read_in_parts_and_deleted(sales_blobs: ContainerClient, house: Path, size: int) -> None:
    content = os.urandom(size)
    blob = sales_blobs.get_blob_client(f"{BRONZE}/Files/put é/{size}.bin")
    blob.upload_blob(content, max_concurrency=4)
    assert (house / "Files" / "put é" / f"{size}.bin").read_bytes() == content
    assert blob.download_blob(max_concurrency=4).readall() == content
    if size:
        assert blob.download_blob(offset=size - 3, length=2).readall() == content[-3:-1]
    assert (blob.get_blob_properties().size, blob.exists()) == (size, True)
    blob.delete_blob()
    assert not blob.exists()
    assert [one.name for one in house.iterdir() if one.name.startswith(".upload")] == []


def test_a_blob_is_replaced_only_where_that_is_asked_for(sales_blobs: ContainerClient) -> None:
    blob = sales_blobs.get_blob_client(f"{BRONZE}/Files/kept.bin")
    first = blob.upload_blob(b"first")["etag"]
    for content in (b"second", os.urandom(200_000)):
        with pytest.raises(ResourceExistsError) as refused:
            blob.upload_blob(content)
        assert refused.value.error_code == "BlobAlreadyExists"
    blob.upload_blob(b"third", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(HttpResponseError) as outdated:
        blob.upload_blob(b"fourth", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified)
    assert outdated.value.status_code == 412
    assert blob.download_blob().readall() == b"third"


def test_blobs_are_listed_flat_and_by_folders_over_pages(sales_blobs: ContainerClient) -> None:
    top = f"{BRONZE}/Files/listed/"
    for name in ("a&b.txt", "a/x.txt", "a/deep/y.txt", "b.txt", "c.txt"):
        sales_blobs.upload_blob(f"{top}{name}", name.encode())
    assert names(sales_blobs, top, results_per_page=2) == ["a/deep/y.txt", "a/x.txt", "a&b.txt", "b.txt", "c.txt"]
    assert [one.name.removeprefix(top) for one in sales_blobs.walk_blobs(top)] == ["a/", "a&b.txt", "b.txt", "c.txt"]
    assert names(sales_blobs, f"{top}a") == ["/deep/y.txt", "/x.txt", "&b.txt"]
    assert names(sales_blobs, f"{top}no/") == []
    assert names(sales_blobs, top, start_from=f"{top}b.txt") == ["b.txt", "c.txt"]


def test_items_of_a_workspace_are_folders_by_their_names_and_by_ids(sales_blobs: ContainerClient) -> None:
    assert [one.name for one in sales_blobs.walk_blobs()] == ["Bronze.Lakehouse/", "gold.Lakehouse/"]
    assert [one.name for one in sales_blobs.walk_blobs(BRONZE)] == [f"{BRONZE}/"]
    assert [one.name for one in sales_blobs.walk_blobs("gold.Lakehouse/")] == [
        "gold.Lakehouse/Files/", "gold.Lakehouse/Tables/",
    ]  # fmt: skip
    sales_blobs.upload_blob("gold.Lakehouse/Files/one.txt", b"1")
    assert names(sales_blobs, "gold") == [".Lakehouse/Files/one.txt"]


def test_workspaces_are_listed_in_both_dialects(
    blobs: BlobServiceClient, service_client: DataLakeServiceClient, api: Api
) -> None:
    assert [one.name for one in blobs.list_containers()] == ["Sales é", "viewed"]
    assert [one.name for one in service_client.list_file_systems()] == ["Sales é", "viewed"]
    for address in (root_of(api), f"{root_of(api)}/"):
        answer = api.http.get(address, params={"resource": "account"}, timeout=30)
        assert [one["name"] for one in answer.json()["filesystems"]] == ["Sales é", "viewed"]


def test_a_blob_is_copied_and_several_are_deleted_at_once(sales_blobs: ContainerClient) -> None:
    source = sales_blobs.upload_blob(f"{BRONZE}/Files/source é.txt", b"copied")
    copy = sales_blobs.get_blob_client(f"{BRONZE}/Files/copy.txt")
    assert copy.start_copy_from_url(source.url)["copy_status"] == "success"
    assert copy.download_blob().readall() == b"copied"
    done = list(sales_blobs.delete_blobs(copy.blob_name, source.blob_name))
    assert [one.status_code for one in done] == [202, 202]
    assert [copy.exists(), source.exists()] == [False, False]


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda blob: blob.set_blob_tags({"a": "b"}), "UnsupportedQueryParameter"),
        (lambda blob: blob.set_blob_metadata({"a": "b"}), "UnsupportedQueryParameter"),
        (lambda blob: blob.acquire_lease(), "UnsupportedQueryParameter"),
        (lambda blob: blob.create_snapshot(), "UnsupportedQueryParameter"),
        (lambda blob: blob.create_append_blob(), "InvalidHeaderValue"),
        (lambda blob: blob.commit_block_list(["nowhere"]), "InvalidBlockList"),
        (lambda blob: blob.start_copy_from_url("https://example.org/onelake/x/y"), "InvalidSourceUri"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    sales_blobs: ContainerClient, act: Callable[[Any], Any], code: str
) -> None:
    blob = sales_blobs.upload_blob(f"{BRONZE}/Files/refused.txt", b"1", overwrite=True)
    with pytest.raises(HttpResponseError) as refused:
        act(blob)
    assert refused.value.error_code == code
    assert blob.download_blob().readall() == b"1"


def test_workspaces_items_and_what_is_above_a_lakehouse_are_not_changed(
    blobs: BlobServiceClient, sales_blobs: ContainerClient
) -> None:
    for act in (
        sales_blobs.delete_container,
        lambda: sales_blobs.upload_blob(f"{BRONZE}/x.txt", b""),
        lambda: sales_blobs.upload_blob("nowhere/Files/x.txt", b""),
        lambda: sales_blobs.upload_blob(f"{BRONZE}/Files/../../x.txt", b""),
        lambda: blobs.create_container("new"),
        lambda: list(blobs.get_container_client("viewed").list_blobs()),
    ):
        with pytest.raises(HttpResponseError) as refused:
            act()
        assert refused.value.status_code in (400, 403, 404)
    with pytest.raises(ResourceNotFoundError):
        sales_blobs.get_blob_client(f"{BRONZE}/Files/no").delete_blob()


# ------------------------------------------------------------------------------------------------ requests
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("delimiter=x", "InvalidQueryParameterValue"),
        ("maxresults=0", "OutOfRangeQueryParameterValue"),
        ("marker=x", "InvalidQueryParameterValue"),
        ("prefix=nowhere/x", "PathNotFound"),
        ("prefix=Bronze/../x", "InvalidUri"),
    ],
)
def test_a_listing_that_cannot_be_is_an_error_in_xml(api: Api, query: str, code: str) -> None:
    answer = api.http.get(f"{root_of(api)}/{SALES}?restype=container&comp=list&{query}", timeout=30)
    assert answer.headers["x-ms-error-code"] == code
    assert f"<Code>{code}</Code>" in answer.text


def test_a_folder_is_put_as_clients_of_blobs_do_it(api: Api, house: Path) -> None:
    marked = {"x-ms-blob-type": "BlockBlob", "x-ms-meta-hdi_isfolder": "true"}
    address = f"{root_of(api)}/{SALES}/{BRONZE}/Files/a folder"
    assert api.http.put(address, headers=marked, timeout=30).status_code == 201
    assert (house / "Files" / "a folder").is_dir()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/mixed; boundary=x", b"--x\r\n\r\nGET /a/b HTTP/1.1\r\n--x--"),
        ("multipart/mixed; boundary=x", b"--x--"),
    ],
)
def test_a_batch_that_is_none_is_refused(api: Api, content_type: str, body: bytes) -> None:
    answer = api.http.post(
        f"{root_of(api)}/{SALES}?restype=container&comp=batch",
        data=body,
        headers={"Content-Type": content_type},
        timeout=30,
    )
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidInput")


# ------------------------------------------------------------------------------------------------ properties
@given(st.lists(st.binary(max_size=20), max_size=6), st.randoms(use_true_random=False))
def test_blocks_in_any_order_become_the_blob(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[bytes], order: Any
) -> None:
    folder = tmp_path_factory.getbasetemp() / "blocks"
    path = read_path("local/blocks/Files/x.bin", one_lakehouse(folder))
    store, names = Blobs(), [str(number) for number in range(len(blocks))]
    shuffled = list(zip(names, blocks, strict=True))
    order.shuffle(shuffled)
    begun = [(store.block(path, name, len(content)), content) for name, content in shuffled]
    for block, content in begun:
        block.write(content)
        block.done()
    store.commit(store.take(path, names), names, path, may_replace=True)
    assert path.file.read_bytes() == b"".join(blocks)


@given(st.sets(st.sampled_from(["a", "a/b", "a/c/d", "ab", "b/a", "z"]), max_size=6), st.integers(1, 3), st.booleans())
def test_pages_of_a_list_of_blobs_are_the_whole_list(
    tmp_path_factory: pytest.TempPathFactory, paths: set[str], size: int, deep: bool
) -> None:
    folder = tmp_path_factory.mktemp("paged")
    for path in paths:
        (folder / "Files" / path).with_suffix(".x").parent.mkdir(parents=True, exist_ok=True)
        (folder / "Files" / path).with_suffix(".x").touch()
    prefix = f"{folder.name}/Files/a"
    top = read_path(f"local/{folder.name}/Files", one_lakehouse(folder))
    whole, _ = list_blobs(top, prefix, deep=deep, after=(), limit=100)
    found: list[Any] = []
    after: tuple[str, ...] = ()
    while True:
        page, after = list_blobs(top, prefix, deep=deep, after=after, limit=size)
        found += page
        if not after:
            break
    assert found == whole
