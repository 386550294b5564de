"""A file in memory where the importer looks for one in the bucket."""

from collections.abc import Iterator

from sovereign.lead_imports.files import ImportFiles, ImportKey

PIECE = 1024 * 1024


class FileInMemory(ImportFiles):
    """One upload; `errors` is its error file."""

    def __init__(self, content: bytes) -> None:
        """Nothing to connect to."""
        self.content = content
        self.errors = b""

    def take_upload(self, key: ImportKey) -> int | None:
        return len(self.content)

    def pieces(self, key: ImportKey, size: int, offset: int) -> Iterator[bytes]:
        return (self.content[at : at + PIECE] for at in range(offset, size, PIECE))

    def put_errors(self, key: ImportKey, body: bytes) -> None:
        self.errors = body

    def erase_sources(self, key: ImportKey) -> None:
        return

    def erase_import(self, key: ImportKey) -> None:
        return
