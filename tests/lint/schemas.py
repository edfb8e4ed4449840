#!/usr/bin/env python3
"""Hold the schemas against everything that was ever released.

    schemas.py [check]        exit 1, with each breach on a line, when a schema cannot stay readable
    schemas.py release vN     copy each schema that has no released version like it to schemas/released/vN
    schemas.py golden vN      write the .bin beside each schemas/golden/vN/*.json that has none

Needs the packages fastavro and avro: two implementations that are not ours. Both run from the
root of the source tree.
"""

import collections
import hashlib
import io
import json
import pathlib
import sys
from datetime import UTC, datetime

import avro.compatibility
import avro.errors
import avro.schema
import fastavro
import fastavro.schema

ROOT = pathlib.Path(__file__).resolve().parents[2] / "schemas"
RELEASED = ROOT / "released"
GOLDEN = ROOT / "golden"
MANIFEST = RELEASED / "SHA256SUMS"
FRAME_MAGIC = b"\xc3\x01"
FRAME_BYTES = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# --- schemas ---------------------------------------------------------------------------------


def schema_files(folder):
    """The .avsc of commands and events under `folder`, as {"commands/create_plan": path}."""
    return {
        f"{kind}/{path.stem}": path
        for kind in ("commands", "events")
        for path in sorted((folder / kind).glob("*.avsc"))
    }


def versions():
    return sorted((path for path in RELEASED.iterdir() if path.is_dir()), key=lambda path: int(path.name[1:]))


def load(path):
    return json.loads(path.read_text())


def canonical(schema):
    return fastavro.schema.to_parsing_canonical_form(schema)


def fingerprint(schema):
    """The eight bytes that stand in a frame."""
    return bytes.fromhex(fastavro.schema.fingerprint(canonical(schema), "CRC-64-AVRO"))


def released_fingerprints():
    """A change of docs, rules or defaults alone needs no new version."""
    return {fingerprint(load(path)) for version in versions() for path in schema_files(version).values()}


def without_logical_types(node):
    """Values then are what is on the wire: strings and integers."""
    if isinstance(node, list):
        return [without_logical_types(item) for item in node]
    if isinstance(node, dict):
        return {key: without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    return node


# --- public JSON and values on the wire ------------------------------------------------------


def time_from_public(text):
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return int((moment - EPOCH).total_seconds()) * 1000


def time_to_public(millis):
    return datetime.fromtimestamp(millis // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def json_from_public(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


# How a time and a text that holds JSON (a field's attribute "json") change their form.
Form = collections.namedtuple("Form", ("time", "json"))
FROM_PUBLIC = Form(time_from_public, json_from_public)
TO_PUBLIC = Form(time_to_public, json.loads)


def convert(node, value, form):
    """`value` of the schema `node` in the other form."""
    if isinstance(node, list):
        return None if value is None else convert(node[1], value, form)
    if isinstance(node, str):
        return value
    if node["type"] == "record":
        return {field["name"]: convert_field(field, value[field["name"]], form) for field in node["fields"]}
    if node["type"] == "array":
        return [convert(node["items"], item, form) for item in value]
    if node.get("logicalType") == "timestamp-millis":
        return form.time(value)
    return value


def convert_field(field, value, form):
    if field.get("json"):
        return None if value is None else form.json(value)
    return convert(field["type"], value, form)


def decode(writer, reader, body):
    stream = io.BytesIO(body)
    value = fastavro.schemaless_reader(
        stream,
        fastavro.parse_schema(without_logical_types(writer)),
        fastavro.parse_schema(without_logical_types(reader)),
    )
    if stream.read(1):
        raise ValueError("bytes are left over")
    return convert(reader, value, TO_PUBLIC)


# --- checks: each yields "file: reason" ------------------------------------------------------


def check_manifest():
    """Released files and golden bytes never change, appear or vanish by accident."""
    listed = {}
    for line in MANIFEST.read_text().splitlines():
        digest, name = line.split("  ", 1)
        listed[name] = digest
    present = {str(path.relative_to(ROOT)): path for path in frozen_files()}
    for name in sorted(listed.keys() - present.keys()):
        yield f"{name}: is in SHA256SUMS and not there"
    for name in sorted(present.keys() - listed.keys()):
        yield f"{name}: is not in SHA256SUMS; `release` and `golden` add what they write"
    for name in sorted(listed.keys() & present.keys()):
        if hashlib.sha256(present[name].read_bytes()).hexdigest() != listed[name]:
            yield f"{name}: was released and has changed"


def incompatible(reader, writer):
    """Why `reader` cannot read what `writer` wrote, by Avro's rules; None when it can."""
    result = avro.compatibility.ReaderWriterCompatibilityChecker().get_compatibility(
        avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer))
    )
    if result.compatibility == avro.compatibility.SchemaCompatibilityType.compatible:
        return None
    kinds = ", ".join(sorted(kind.name.replace("_", " ") for kind in result.incompatibilities))
    return f"{kinds}: {'; '.join(sorted(result.messages))}"


def check_compatibility():
    """Every version is read by the current schema; current events are read by every version."""
    current = {name: load(path) for name, path in schema_files(ROOT).items()}
    for version in versions():
        for name, path in schema_files(version).items():
            where = path.relative_to(ROOT)
            if name not in current:
                yield f"{name}.avsc: was released in {version.name} and is gone"
                continue
            reason = incompatible(current[name], load(path))
            if reason:
                yield f"{name}.avsc: cannot read what {where} wrote: {reason}"
            reason = incompatible(load(path), current[name])
            if reason and name.startswith("events/"):
                yield f"{name}.avsc: {where} cannot read what it writes: {reason}"


def text_forms(schema, path=""):
    """{"lines.explanation": whether the text holds JSON}, of every field that has a type of its own."""
    forms = {}
    for field in schema["fields"]:
        name = f"{path}{field['name']}"
        node = field["type"][1] if isinstance(field["type"], list) else field["type"]
        inner = node.get("items", node) if isinstance(node, dict) else None
        if isinstance(inner, dict) and inner.get("type") == "record":
            forms |= text_forms(inner, f"{name}.")
        else:
            forms[name] = bool(field.get("json"))
    return forms


def check_text_forms():
    """Whether a text holds JSON is not in its fingerprint, and yet how readers show it: it never changes."""
    current = {name: text_forms(load(path)) for name, path in schema_files(ROOT).items()}
    for version in versions():
        for name, path in schema_files(version).items():
            then, now = text_forms(load(path)), current.get(name, {})
            for field in sorted(then.keys() & now.keys()):
                if then[field] != now[field]:
                    yield f"{name}.avsc: {field}: {path.relative_to(ROOT)} has another attribute json"


def check_released():
    """What is current is also released, before any of it is on a topic."""
    known = released_fingerprints()
    for name, path in schema_files(ROOT).items():
        if fingerprint(load(path)) not in known:
            yield f"{name}.avsc: has no released version like it; see schemas/README.md"


def golden_schema(version, path):
    """The released schema of a sample: create_plan.sparse.json is one of create_plan."""
    stem = path.name.split(".")[0]
    for name, schema in schema_files(RELEASED / version).items():
        if name.split("/")[1] == stem:
            return name, load(schema)
    raise LookupError("no schema of that name in the version")


def agree(now, then):
    """Whether two readings say the same, but for fields that one of them does not know."""
    if isinstance(now, dict) and isinstance(then, dict):
        return all(agree(now[key], then[key]) for key in now.keys() & then.keys())
    if isinstance(now, list) and isinstance(then, list):
        return len(now) == len(then) and all(map(agree, now, then))
    return now == then


def check_golden():
    """Golden bytes decode, by their own schema and by the current one, to the stored JSON."""
    for path in sorted(GOLDEN.glob("v*/*.json")):
        try:
            reason = golden_breach(path)
        except Exception as error:  # whatever the decoder finds wrong is a breach
            reason = f"cannot be read: {error}"
        if reason:
            yield f"{path.relative_to(ROOT)}: {reason}"


def golden_breach(path):
    message = path.with_suffix(".bin").read_bytes()
    expected = json.loads(path.read_text())
    name, writer = golden_schema(path.parent.name, path)
    body = message[FRAME_BYTES:]
    if message[:FRAME_BYTES] != FRAME_MAGIC + fingerprint(writer):
        return "the frame does not name its schema"
    if decode(writer, writer, body) != expected:
        return "the bytes say something else"
    current = schema_files(ROOT).get(name)
    if current and not agree(decode(writer, load(current), body), expected):
        return "the current schema reads something else"
    return None


def check_golden_is_whole():
    """Each released schema has a sample."""
    for version in versions():
        samples = {path.name.split(".")[0] for path in (GOLDEN / version.name).glob("*.bin")}
        for name in schema_files(version):
            if name.split("/")[1] not in samples:
                yield f"released/{version.name}/{name}.avsc: has no golden bytes"


def check_actions():
    """Those of actions are valid Avro of a namespace of theirs; all fields are the client's, and none is released."""
    for path in sorted((ROOT / "actions").glob("*.avsc")):
        schema = load(path)
        where = path.relative_to(ROOT)
        try:
            avro.schema.parse(json.dumps(schema))
        except avro.errors.AvroException as error:
            yield f"{where}: is no schema: {error}"
            continue
        if schema.get("namespace") != "billd.action":
            yield f"{where}: its namespace is not billd.action"
        for field in schema["fields"]:
            if field.get("in", "body") != "body":
                yield f"{where}: {field['name']} does not come from the body"
    for path in sorted(RELEASED.glob("v*/actions")):
        yield f"{path.relative_to(ROOT)}: an action's schema is on no topic, and not released"


# --- what writes -----------------------------------------------------------------------------


def frozen_files():
    yield from sorted(RELEASED.glob("v*/*/*.avsc"))
    yield from sorted(GOLDEN.glob("v*/*.bin"))
    yield from sorted(GOLDEN.glob("v*/*.json"))


def manifest_add():
    """Add what is new to the manifest; what is listed keeps its line."""
    lines = MANIFEST.read_text().splitlines() if MANIFEST.exists() else []
    listed = {line.split("  ", 1)[1] for line in lines}
    for path in frozen_files():
        name = str(path.relative_to(ROOT))
        if name not in listed:
            lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}")
    MANIFEST.write_text("\n".join(sorted(lines, key=lambda line: line.split("  ", 1)[1])) + "\n")


def release(version):
    known = released_fingerprints()
    for name, path in schema_files(ROOT).items():
        if fingerprint(load(path)) in known:
            continue
        copy = RELEASED / version / f"{name}.avsc"
        if copy.exists():
            sys.exit(f"{copy.relative_to(ROOT)}: is released already; take the next version")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        print(f"released {copy.relative_to(ROOT)}")
    manifest_add()


def golden(version):
    for path in sorted((GOLDEN / version).glob("*.json")):
        target = path.with_suffix(".bin")
        if target.exists():
            continue
        _, schema = golden_schema(version, path)
        value = convert(schema, json.loads(path.read_text()), FROM_PUBLIC)
        body = io.BytesIO()
        fastavro.schemaless_writer(body, fastavro.parse_schema(without_logical_types(schema)), value, strict=True)
        target.write_bytes(FRAME_MAGIC + fingerprint(schema) + body.getvalue())
        print(f"wrote {target.relative_to(ROOT)}")
    manifest_add()


def check():
    checks = (
        check_manifest,
        check_compatibility,
        check_text_forms,
        check_released,
        check_golden,
        check_golden_is_whole,
        check_actions,
    )
    breaches = [breach for run in checks for breach in run()]
    for breach in breaches:
        print(f"schemas/{breach}", file=sys.stderr)
    return 1 if breaches else 0


def main(arguments):
    if arguments in ([], ["check"]):
        return check()
    if len(arguments) == 2 and arguments[0] in ("release", "golden"):
        {"release": release, "golden": golden}[arguments[0]](arguments[1])
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
