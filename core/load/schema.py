"""The JSON Schema of the YAML format, for editors."""

from __future__ import annotations

from ..model import Json


def json_schema() -> dict[str, Json]:
    """JSON Schema (draft 2020-12) of a definition file, with a description of every key."""
    from .format import DefinitionFile

    schema = DefinitionFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_allowing_empty_assets(schema)}


def _allowing_empty_assets(schema: dict[str, Json]) -> dict[str, Json]:
    """`flour:` with nothing behind it is a source."""
    assets = schema["properties"]["assets"]
    assets["additionalProperties"] = {"anyOf": [assets["additionalProperties"], {"type": "null"}]}
    return schema
