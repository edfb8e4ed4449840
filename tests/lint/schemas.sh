#!/usr/bin/env bash
# The schemas against what was released, by tests/lint/schemas.py, which needs the Python of the integration tests.
set -euo pipefail

# It makes the environment when that is missing or old.
tests/integration.sh --version >/dev/null
exec build/venv/bin/python tests/lint/schemas.py check
