"""Microsoft's clouds: where each has its Fabric API and its sign-in, and for which resource a token is requested there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Cloud:
    """`resource` is what a token is requested for, `audiences` what it then carries; `hosts` are the ends of names of machines
    that may get it, `authorities` the hosts that sign in and the issuers in their tokens."""

    name: str
    resource: str
    audiences: tuple[str, ...]
    hosts: tuple[str, ...]
    authorities: tuple[str, ...]
    storage_resource: str = "https://storage.azure.com"  # the same in all of them


# The public cloud's hosts are those of dbt-fabricspark's credentials.py, its audiences those of the Fabric CLI's
# fab_constant.py. Of the other two, azure-identity's _constants.py has the authorities; their API hosts are those that
# several providers of infrastructure use, as no page of Microsoft's names them.
PUBLIC = Cloud(
    "public",
    "https://api.fabric.microsoft.com",
    ("https://api.fabric.microsoft.com", "https://analysis.windows.net/powerbi/api"),
    (".fabric.microsoft.com", ".pbidedicated.windows.net", ".analysis.windows.net", ".microsoftfabric.com"),
    ("login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"),
)
US_GOVERNMENT = Cloud(
    "US Government",
    "https://api.fabric.microsoft.us",
    ("https://api.fabric.microsoft.us", "https://analysis.usgovcloudapi.net/powerbi/api"),
    (".fabric.microsoft.us",),
    ("login.microsoftonline.us",),
)
CHINA = Cloud(
    "China",
    "https://api.fabric.microsoft.cn",
    ("https://api.fabric.microsoft.cn", "https://analysis.chinacloudapi.cn/powerbi/api"),
    (".fabric.microsoft.cn",),
    ("login.chinacloudapi.cn", "login.partner.microsoftonline.cn", "sts.chinacloudapi.cn"),
)
CLOUDS = (PUBLIC, US_GOVERNMENT, CHINA)


def host_of(url: str) -> str:
    """In lower case; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def cloud_of(api_url: str, authority_host: str) -> Cloud:
    """By the API's host; of one that is nobody's (a gateway, this machine) by who signs in; else the public one."""
    by_api = [cloud for cloud in CLOUDS if ("." + host_of(api_url)).endswith(cloud.hosts)]
    by_authority = [cloud for cloud in CLOUDS if host_of(authority_host) in cloud.authorities]
    return [*by_api, *by_authority, PUBLIC][0]


def is_fabric_address(url: str) -> bool:
    """Whether it is https to one of Fabric's own hosts."""
    ends = tuple(end for cloud in CLOUDS for end in cloud.hosts)
    return url.lower().startswith("https://") and ("." + host_of(url)).endswith(ends)


def is_authority(url: str) -> bool:
    return any(host_of(url) in cloud.authorities for cloud in CLOUDS)
