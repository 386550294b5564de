"""What the registry hands to an adapter's `open_adapter`."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AdapterContext:
    """`api_key` is empty for keyless providers; `base_url` None means the vendor's own address."""

    api_key: str = field(repr=False)
    base_url: str | None
    model_cache: Path
