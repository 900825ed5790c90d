"""Writes the calls and the types of `sagecert-client` from the OpenAPI documents.

python -m tests.client.generator           # says which files differ
python -m tests.client.generator --write   # writes them
"""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from sagecert_client.request import RECORDING
from shared.rules.no_effect_reasons import NoEffect
from tests.client.operations import TABLE, Call, calls, documents
from tests.contract.test_openapi import SOLD

ROOT: Final = Path(__file__).parents[2] / "packages/sagecert-client/src/sagecert_client"
HEADER: Final = '"""{title}. Written by `python -m tests.client.generator --write`; do not edit."""\n\n'
SUCCESS: Final = ("200", "201", "202", "204")
_TYPES_IMPORTS: Final = (
    "from __future__ import annotations\n\nfrom typing import Any, Literal, NotRequired, TypeAlias, TypedDict\n"
)
MOMENT: Final = {"at": "str", "known_at": "str", "position": "int", "policy_id": "str", "engine": "str"}
"""Members that many answers have."""
BASE_MEMBERS_MIN: Final = 5
"""A type with fewer members is no base of others."""
NOT_SENT: Final = frozenset({"last-event-id"})
"""Headers of streams, which the client does not read."""
IMPORTS: Final = (
    "OMITTED, RECORDING, Day, FeedRequest, FileRequest, Instant, LinesRequest, ListRequest, Omitted, PagedRequest, "
    "Request"
)
NUMBER: Final = re.compile(r"\{a\}(/\{[b-z]\})*")
"""The number of a tile, in as many parts as it needs."""
IMPORT_REASONS: Final = "from sagecert_client.types.reasons import NoEffect\n"


def written() -> dict[Path, str]:
    """Each file and its text."""
    by_group: defaultdict[str, dict[str, Call]] = defaultdict(dict)
    for call in calls():
        if not call.is_table:
            earlier = by_group[call.group].setdefault(call.name, call)
            same = (earlier.method, _path(earlier)) == (call.method, _path(call))
            assert same, f"two calls {call.group}.{call.name}"
    texts = {
        ROOT / "calls" / f"{group}.py": _calls_module(group, list(members.values()))
        for group, members in by_group.items()
    }
    for service, document in documents().items():
        texts[ROOT / "types" / f"{service}.py"] = _types_module(service, document)
    texts[ROOT / "types" / "reasons.py"] = _reasons_module()
    return {path: _formatted(text) for path, text in texts.items()}


def _path(call: Call) -> str:
    """Its path, with one name for all parts of a number."""
    return NUMBER.sub("{parts}", call.path)


def _reasons_module() -> str:
    header = HEADER.format(title="Why a fact changes nothing") + "from typing import Literal, TypeAlias\n\n"
    return f"{header}NoEffect: TypeAlias = Literal[{', '.join(map(repr, get_args(NoEffect)))}]\n"


# Types -----------------------------------------------------------------------------------------


def annotation(schema: Mapping[str, Any], prefix: str = "") -> str:
    """The type of a value with this schema. `prefix`: of the module in which the named types are."""
    if "$ref" in schema:
        return prefix + _type_name(schema["$ref"].rpartition("/")[2])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(annotation(one, prefix) for one in schema[several]))
    if SOLD[1] in schema.get("enum", ()):
        return "str"
    if set(schema.get("enum", ())) == set(get_args(NoEffect)):
        return "NoEffect"
    if "enum" in schema or "const" in schema:
        return f"Literal[{', '.join(repr(value) for value in schema.get('enum', [schema.get('const')]))}]"
    match schema.get("type"):
        case "array":
            items = schema.get("items", {})
            return f"list[{annotation(items if isinstance(items, dict) else {}, prefix)}]"
        case "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {annotation(values, prefix) if isinstance(values, dict) else 'Any'}]"
        case "string":
            return {"date-time": "Instant", "date": "Day"}.get(schema.get("format", ""), "str") if not prefix else "str"
        case other:
            return {"integer": "int", "number": "float", "boolean": "bool", "null": "None"}.get(str(other), "Any")


def _type_name(name: str) -> str:
    """The name of a schema; one that two modules use is told apart by the module."""
    *_, module, last = ["", *name.split(".")]
    return module.title().replace("_", "") + last


def _types_module(service: str, document: Mapping[str, Any]) -> str:
    lines = [HEADER.format(title=f"The types of the {service} service"), _TYPES_IMPORTS, "\n", IMPORT_REASONS]
    members: dict[str, dict[str, str]] = {}
    said: dict[str, str] = {}
    for given, schema in document["components"]["schemas"].items():
        name = _type_name(given)
        if schema.get("type") != "object" or not schema.get("properties") or given in ("Problem", "FieldError"):
            lines.append(f'\n{name}: TypeAlias = "{_as_text(annotation(schema))}"\n')
            continue
        members[name] = _members(schema)
        said[name] = _sentence(schema.get("description", f"{name} of the documents."))
    if sum(MOMENT.items() <= own.items() for own in members.values()) > 1:
        members["Moment"], said["Moment"] = MOMENT, "The members of every answer that name its moment."
    bases = {name: _bases(name, members) for name in members}
    in_order = sorted(members, key=lambda name: _depth(name, bases))
    return "".join([*lines, *(_typed_dict(name, said[name], members, bases[name]) for name in in_order)])


def _members(schema: Mapping[str, Any]) -> dict[str, str]:
    """The members of an object, each with its type."""
    required = schema.get("required", ())
    kinds = {member: _as_text(annotation(described)) for member, described in schema["properties"].items()}
    return {member: kind if member in required else f"NotRequired[{kind}]" for member, kind in kinds.items()}


def _is_class(members: Mapping[str, str]) -> bool:
    return not any(iskeyword(member) or not member.isidentifier() for member in members)


def _bases(name: str, members: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The types whose members this one has, too, the largest first; each member is of one of them at the most."""
    own = members[name]
    left, found = dict(own), []
    for base, shared in sorted(members.items(), key=lambda item: -len(item[1])):
        small = BASE_MEMBERS_MIN <= len(shared) < len(own)
        if small and _is_class(own) and _is_class(shared) and shared.items() <= left.items():
            found.append(base)
            left = {member: kind for member, kind in left.items() if member not in shared}
    return found


def _depth(name: str, bases: Mapping[str, list[str]]) -> int:
    return max((1 + _depth(base, bases) for base in bases[name]), default=0)


def _typed_dict(name: str, said: str, members: Mapping[str, Mapping[str, str]], bases: list[str]) -> str:
    if not _is_class(members[name]):
        pairs = ", ".join(f'"{member}": "{kind}"' for member, kind in members[name].items())
        return f'\n\n{name} = TypedDict("{name}", {{{pairs}}})\n"""{said}"""\n'
    inherited = {member for base in bases for member in members[base]}
    own = "".join(f"    {member}: {kind}\n" for member, kind in members[name].items() if member not in inherited)
    return f'\n\nclass {name}({", ".join(bases) or "TypedDict"}):\n    """{said}"""\n\n{own}'


def _as_text(kind: str) -> str:
    """Answers hold instants and days as text."""
    return re.sub(r"\b(Instant|Day)\b", "str", kind)


def _sentence(description: str) -> str:
    """The first paragraph, on lines that are short enough."""
    text = " ".join(description.split("\n\n", maxsplit=1)[0].split()).replace("\\", "\\\\")
    lines = [""]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) > 108:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n    ".join(lines) + ("\n    " if len(lines) > 1 else "")


# Calls -----------------------------------------------------------------------------------------


def _calls_module(group: str, members: list[Call]) -> str:
    services = sorted({call.service for call in members})
    text = HEADER.format(title=f"Calls about {group.replace('_', ' ')}")
    text += "from collections.abc import Iterable, Mapping, Sequence\nfrom typing import Any, Literal\n\n"
    text += f"from sagecert_client.request import {IMPORTS}\n"
    text += "".join(f"from sagecert_client.types import {one} as {one}_types\n" for one in services) + IMPORT_REASONS
    return text + "".join(_function(call) for call in members)


class _Parts(NamedTuple):
    """Of a function: parameters that are needed, those that are not, and what else the request is made of."""

    needed: list[str]
    optional: list[str]
    more: list[str]


def _function(call: Call) -> str:
    parts = _Parts([], [], [])
    named = call.operation.get("parameters", [])
    ids = {one["name"]: one["schema"] for one in named if one["in"] == "path" and f"{{{one['name']}}}" in _path(call)}
    parts.needed.extend(f"{name}: {annotation(schema, 'x.')}" for name, schema in ids.items())
    number = ["*parts: str"] if "{parts}" in _path(call) else []
    _add_query(parts, [one for one in named if one["in"] == "query"])
    _add_headers_and_body(parts, call, [one for one in named if one["in"] == "header"])
    kind, items = _answered(call)
    made = kind.partition("[")[0]
    keywords = parts.needed[len(ids) :] + parts.optional
    star = ["*"] if keywords else number
    signature = ", ".join([*parts.needed[: len(ids)], *star, *keywords])
    suffix = [] if call.table in (None, TABLE) else [f'table_suffix="{call.table}"']
    arguments = ", ".join([f'"{call.method} {_path(call)}", locals()', *parts.more, *items, *suffix])
    said = _sentence(call.operation.get("description") or call.operation["summary"])
    return f'\n\ndef {call.name}({signature}) -> {kind}:\n    """{said}"""\n    return {made}.of({arguments})\n'


def _add_query(parts: _Parts, named: list[Mapping[str, Any]]) -> None:
    for one in named:
        schema = {key: value for key, value in one["schema"].items() if key != "default"}
        kind = _parameter(schema).replace("list[", "Sequence[")
        if one.get("required"):
            parts.needed.append(f"{_identifier(one['name'])}: {kind}")
        else:
            parts.optional.append(f"{_identifier(one['name'])}: {kind.removesuffix(' | None')} | None = None")


def _add_headers_and_body(parts: _Parts, call: Call, named: list[Mapping[str, Any]]) -> None:
    names = [one["name"].lower().replace("-", "_") for one in named if one["name"].lower() not in NOT_SENT]
    content = call.operation.get("requestBody", {}).get("content", {})
    if "application/x-ndjson" in content:
        parts.needed.append("lines: Iterable[Mapping[str, Any]]")
        parts.more.append('body="lines"')
    elif content:
        assert all(one["in"] != "query" for one in call.operation.get("parameters", [])), (
            f"{call.path} has a query, too"
        )
        _add_members(parts, call, content["application/json"]["schema"])
        required = call.operation["requestBody"].get("required", False)
        parts.more.append(f'body="{"needed" if required else "optional"}"')
    parts.optional.extend(f"{name}: str | None = None" for name in names)
    if names:
        parts.more.append(f"headers={'RECORDING' if tuple(names) == RECORDING else tuple(names)}")


def _add_members(parts: _Parts, call: Call, schema: Mapping[str, Any]) -> None:
    """The members of a JSON body as parameters."""
    body = _whole(schema, call.document)
    for member, described in body.get("properties", {}).items():
        name = _identifier(member)
        assert f"{name}:" not in " ".join(parts.needed), f"{call.path} has two parameters {name}"
        kind = _parameter(described, f"{call.service}_types.")
        if member in body.get("required", ()):
            parts.needed.append(f"{name}: {kind}")
        else:
            null = " | None" if kind.endswith(" | None") else ""
            parts.optional.append(f"{name}: {kind.removesuffix(' | None')} | Omitted{null} = OMITTED")


def _whole(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, of a reference or of a value that may be null."""
    if "$ref" in schema:
        found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    values = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return _whole(values[0], document) if len(values) == 1 else schema


def _parameter(schema: Mapping[str, Any], prefix: str = "") -> str:
    """The type of a parameter: instants and days may be given as such."""
    if "anyOf" in schema and "$ref" not in schema:
        return " | ".join(dict.fromkeys(_parameter(one, prefix) for one in schema["anyOf"]))
    if schema.get("type") == "string" and schema.get("format") in ("date-time", "date") and "enum" not in schema:
        return annotation(schema)
    return annotation(schema, prefix or "x.")


def _answered(call: Call) -> tuple[str, list[str]]:
    """The kind of request, with the type of its answer; and what else it is given."""
    contents = [
        call.operation["responses"][code].get("content", {}) for code in SUCCESS if code in call.operation["responses"]
    ]
    content: Mapping[str, Any] = next((one for one in contents if one), {})
    if not content:
        return "Request[None]", []
    if "application/cloudevents-batch+json" in content:
        schema = content["application/cloudevents-batch+json"].get("schema", {})
        item = annotation(schema["items"], f"{call.service}_types.") if "items" in schema else "dict[str, Any]"
        return f"FeedRequest[{item}]", []
    if "application/x-ndjson" in content:
        return "LinesRequest[dict[str, Any]]", []
    if "application/json" not in content:
        return "FileRequest", []
    schemas = [one["application/json"].get("schema", {}) for one in contents if "application/json" in one]
    kind = " | ".join(dict.fromkeys(annotation(one, f"{call.service}_types.") for one in schemas))
    listed = _listed(call, _whole(schemas[0], call.document))
    if listed is None:
        return f"{'Request' if call.table is None else 'ListRequest'}[{kind}]", []
    assert call.table is not None, f"{call.path} has no table"
    name, item = listed
    return f"PagedRequest[{kind}, {item}]", [f'items="{name}"']


def _listed(call: Call, schema: Mapping[str, Any]) -> tuple[str, str] | None:
    """The member that holds the items of a page, and their type; None where there are no pages."""
    members = schema.get("properties", {})
    arrays = {name: one for name, one in members.items() if one.get("type") == "array"}
    asks = any(one["name"] == "after" for one in call.operation.get("parameters", []))
    if "next" not in members or not asks or not arrays:
        return None
    name, described = next(iter(arrays.items())) if len(arrays) == 1 else list(arrays.items())[-1]
    return name, annotation(described, f"{call.service}_types.").removeprefix("list[").removesuffix("]")


def _identifier(name: str) -> str:
    return f"{name}_" if iskeyword(name) else name


def _formatted(text: str) -> str:
    for command in (("check", "--select", "I,F401", "--fix-only", "--exit-zero"), ("format",)):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(ROOT / "calls" / "x.py"), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def differing() -> Iterator[Path]:
    """Files that are not as written, or that nobody writes any more."""
    texts = written()
    for path, text in texts.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield path
    for folder in ("calls", "types"):
        yield from (path for path in (ROOT / folder).glob("*.py") if path not in texts and path.name != "__init__.py")


def main() -> None:
    """Writes what differs, or says what would."""
    for path in list(differing()):
        if "--write" in sys.argv[1:]:
            text = written().get(path)
            path.unlink() if text is None else path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
