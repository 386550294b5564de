"""What the registry hands to an adapter's `open_adapter`."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AdapterContext:
    """`api_key` is empty for keyless providers; `base_url` None means the vendor's own address.

    `guarded`: the address is a customer's, to be reached through the egress guard only.
    """

    api_key: str = field(repr=False)
    base_url: str | None
    model_cache: Path
    guarded: bool = False
