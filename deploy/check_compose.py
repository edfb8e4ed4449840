"""Checks on the compose files that need no Docker.  usage: check_compose.py ROOT; prints each fault, exits 1 on any."""

import pathlib
import re
import sys

import yaml

ONE_SHOT = {"roles", "migrate"}
PUBLISHED_IN_PRODUCTION = {"api"}


def host_address(port):
    """The address a short port entry is published on, once the defaults of its variables are put in."""
    entry = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(port))
    parts = entry.rsplit(":", 2)
    return parts[0] if len(parts) == 3 else "every address"


def references(document, folder):
    """Faults of either file: what it names must exist."""
    services = document["services"]
    for name, service in services.items():
        for port in service.get("ports", []):
            if host_address(port) != "127.0.0.1":
                yield f"{name}: port {port} is published on {host_address(port)}"
        for other, how in service.get("depends_on", {}).items():
            if other not in services:
                yield f"{name}: depends on {other}, which is no service"
            elif how["condition"] == "service_healthy" and "healthcheck" not in services[other]:
                yield f"{name}: waits for {other} to be healthy, which has no health check"
        for secret in service.get("secrets", []):
            if secret not in document.get("secrets", {}):
                yield f"{name}: secret {secret} is not declared"
        mounted = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
        for path in re.findall(r"/run/secrets/\w+", str({**service, "secrets": None})):
            if path not in mounted:
                yield f"{name}: reads {path}, which is not among its secrets"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                if not (folder / source).exists():
                    yield f"{name}: mounts {source}, which does not exist"
            elif source not in document.get("volumes", {}):
                yield f"{name}: volume {source} is not declared"
        for network in service.get("networks", []):
            if network not in document.get("networks", {}):
                yield f"{name}: network {network} is not declared"
        build = service.get("build")
        if build and not (folder / build["context"] / build["dockerfile"]).exists():
            yield f"{name}: {build['dockerfile']} does not exist"
        if name not in ONE_SHOT and "healthcheck" not in service:
            yield f"{name}: no health check"


def production(document):
    """Faults of the file for servers."""
    for name, service in document["services"].items():
        if service.get("ports") and name not in PUBLISHED_IN_PRODUCTION:
            yield f"{name}: published"
        if service.get("network_mode") or service.get("privileged"):
            yield f"{name}: not confined"
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name}: capabilities are not dropped"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: may gain privileges"
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        if not {"cpus", "memory"} <= limits.keys():
            yield f"{name}: no limit on processors or memory"
        if name not in ONE_SHOT and service.get("restart") != "unless-stopped":
            yield f"{name}: is not restarted"
        if service.get("image", "").startswith("billd") and not service.get("read_only"):
            yield f"{name}: its file system can be written"
        for variable, value in service.get("environment", {}).items():
            if re.search(r"(PASSWORD|SECRET|DATABASE_URL)$", variable) or "://billd" in str(value):
                yield f"{name}: {variable} is a secret in the environment"
    worker = document["services"]["worker"]["environment"]
    if worker.get("BILLD_SIGNED_COMMANDS") != "1" or "BILLD_SECRET_FILE" not in worker:
        yield "worker: takes commands that nobody signed"
    if not document["networks"]["data"].get("internal"):
        yield "the network of the data has a way out"


def settings_in(text):
    """The variables in tables of docs/settings.md."""
    return set(re.findall(r"^\| `(BILLD_\w+)`", text, re.M))


def known_settings(root):
    """The variables that our programs read."""
    names = settings_in((root / "docs/settings.md").read_text())
    return names | {f"{name}_FILE" for name in names}


def worker_settings(root):
    """The variables that a worker reads."""
    pages = re.split(r"^## ", (root / "docs/settings.md").read_text(), flags=re.M)
    (names,) = (settings_in(page) for page in pages if page.startswith("billd-worker\n"))
    return names


def passed_on(document, wanted):
    """Faults of either file: a container sees what is listed alone, and who sets anything else sets it in vain."""
    given = document["services"]["worker"]["environment"]
    for name in sorted(wanted):
        if name not in given and f"{name}_FILE" not in given:
            yield f"worker: {name} does not reach it"
    for name, value in given.items():
        asked = re.search(r"\$\{(\w+)", str(value))
        if asked and asked.group(1) != name:
            yield f"worker: {name} is taken from {asked.group(1)}"


def settings(document, known):
    """Faults of either file: a setting that no program reads has no effect."""
    for name, service in document["services"].items():
        if service.get("image", "").startswith("billd"):
            for variable in service.get("environment", {}):
                if variable not in known:
                    yield f"{name}: {variable} is no setting"


def units(root, known):
    """Faults of the settings for systemd."""
    path = root / "deploy/systemd/billd.env.example"
    values = dict(line.split("=", 1) for line in path.read_text().splitlines() if line and line[0] != "#")
    for variable in sorted(values.keys() - known):
        yield f"{path.name}: {variable} is no setting"
    if "BILLD_BILLING" not in values:
        yield f"{path.name}: does not say who bills"
    if values.get("BILLD_SIGNED_COMMANDS") != "1":
        yield f"{path.name}: workers take commands that nobody signed"


def same_kafka(document, pom):
    """The containers and the local stack run the same broker."""
    version = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([^<]+)</version>", pom).group(1)
    image = document["services"]["kafka"]["image"]
    if image != f"apache/kafka:{version}":
        yield f"kafka: {image}, but deploy/kafka/pom.xml has {version}"


def main(root):
    pom = (root / "deploy/kafka/pom.xml").read_text()
    known, wanted = known_settings(root), worker_settings(root)
    faults = list(units(root, known))
    for path in ("docker-compose.yml", "deploy/compose.production.yml"):
        file = root / path
        document = yaml.safe_load(file.read_text())
        found = [*references(document, file.parent), *same_kafka(document, pom), *settings(document, known)]
        found += passed_on(document, wanted)
        if file.name == "compose.production.yml":
            found += production(document)
        faults += [f"{path}: {fault}" for fault in found]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
