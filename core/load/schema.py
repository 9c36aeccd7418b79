"""The JSON Schema of the YAML format, for editors."""

from __future__ import annotations

import ast
import inspect
from types import ModuleType

from ..model import Json


def json_schema() -> dict[str, Json]:
    """JSON Schema (draft 2020-12) of a definition file, with a description of every key."""
    from . import checks, format

    schema = format.DefinitionFile.model_json_schema(by_alias=True)
    _describe(schema, format, checks)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_allowing_empty_assets(schema)}


def _describe(schema: dict[str, Json], *modules: ModuleType) -> None:
    """Puts what stands below each field of the models where the schema has that field."""
    texts = {name: text for each in modules for name, text in _field_texts(inspect.getsource(each)).items()}
    classes = {name: found for each in modules for name, found in vars(each).items()}
    models = {"DefinitionFile": schema, **schema["$defs"]}
    for name, model in models.items():
        for base in reversed(classes[name].__mro__):
            for field, text in texts.get(base.__name__, {}).items():
                if field in model["properties"]:
                    model["properties"][field]["description"] = text


def _field_texts(source: str) -> dict[str, dict[str, str]]:
    """The string below each annotated field, by class."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, below in zip(node.body, node.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found.setdefault(node.name, {})[name] = inspect.cleandoc(text)
    return found


def _allowing_empty_assets(schema: dict[str, Json]) -> dict[str, Json]:
    """`flour:` with nothing behind it is a source."""
    assets = schema["properties"]["assets"]
    assets["additionalProperties"] = {"anyOf": [assets["additionalProperties"], {"type": "null"}]}
    return schema
