"""Words that no message of another server's may have."""

OF_FABRIC_ALONE = (
    "az login",
    "contributor",
    "environment item",
    "lakehouse",
    "monitoring hub",
    "service principal",
    "starter pool",
    "tenant",
    "workspace",
    "larger capacity",
    "keep_alive",
)


def words_of_fabric(text: str) -> list[str]:
    return [word for word in OF_FABRIC_ALONE if word in text.lower()]
