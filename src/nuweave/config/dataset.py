"""A published dataset: where its files are, and what each must be."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Self
from uuid import UUID

from pydantic import Field, field_validator, model_validator

from nuweave.config.base import Section


class DatasetFile(Section):
    """One file, as its provider describes it."""

    bytes: int = Field(gt=0, description="its size [B]")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="its SHA-256, 64 digits from 0 to f")
    md5: str | None = Field(
        None, pattern=r"^[0-9a-f]{32}$", description="its MD5, 32 digits from 0 to f, where no SHA-256 is published"
    )

    @property
    def checksum(self) -> tuple[str, str] | None:
        """Algorithm and value; None where only the size is known."""
        given = {"sha256": self.sha256, "md5": self.md5}
        return next(((name, value) for name, value in given.items() if value is not None), None)

    @model_validator(mode="after")
    def _one_checksum(self) -> Self:
        if self.sha256 is not None and self.md5 is not None:
            raise ValueError("has both sha256 and md5; give sha256 alone")
        return self


class DatasetConfig(Section):
    """A published dataset. Its files are put into data_dir and checked before any is read."""

    title: str = Field(min_length=1, description="its name, for messages and receipts")
    citation: str = Field(min_length=1, description="where it is published: a DOI, or a reference")
    globus_endpoint: UUID | None = Field(
        None, description="Globus collection that holds it, a UUID; without it, files are put into data_dir by hand"
    )
    path: str | None = Field(None, pattern="^/", description="directory of the files on that collection")
    files: dict[str, DatasetFile] = Field(min_length=1, description="its simulation files by name, without directory")

    @field_validator("files")
    @classmethod
    def _usable_names(cls, value: dict[str, DatasetFile]) -> dict[str, DatasetFile]:
        for name in value:
            if name != PurePosixPath(name).name or name.startswith(".") or not name.isprintable():
                raise ValueError(f"{name!r} is no plain name of a file; put the directory into dataset.path")
        if len({PurePosixPath(name).stem for name in value}) < len(value):
            raise ValueError("two files differ in their suffix only; their shards would have one name")
        return value

    @model_validator(mode="after")
    def _endpoint_and_path(self) -> Self:
        if (self.globus_endpoint is None) != (self.path is None):
            raise ValueError("globus_endpoint and path belong together; give both or none")
        return self
