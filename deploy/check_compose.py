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
    if not document["networks"]["data"].get("internal"):
        yield "the network of the data has a way out"


def same_kafka(document, pom):
    """The containers and the local stack run the same broker."""
    version = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([^<]+)</version>", pom).group(1)
    image = document["services"]["kafka"]["image"]
    if image != f"apache/kafka:{version}":
        yield f"kafka: {image}, but deploy/kafka/pom.xml has {version}"


def main(root):
    pom = (root / "deploy/kafka/pom.xml").read_text()
    faults = []
    for path in ("docker-compose.yml", "deploy/compose.production.yml"):
        file = root / path
        document = yaml.safe_load(file.read_text())
        found = [*references(document, file.parent), *same_kafka(document, pom)]
        if file.name == "compose.production.yml":
            found += production(document)
        faults += [f"{path}: {fault}" for fault in found]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
