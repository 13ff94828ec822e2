"""Requests made from the OpenAPI document by schemathesis: `python -m benchmarks.fuzz [CASES]`.

Every operation gets valid and invalid requests; each answer must be one that the document describes, and none a 5xx.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.arguments import parser_of
from benchmarks.databases import free_port
from benchmarks.shop import make, serving

CASES = 200
"""For each operation; there are some twenty."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def main(cases: int) -> None:
    """Start a server, and run the schemathesis command on it."""
    with tempfile.TemporaryDirectory() as folder:
        registry, port = make(Path(folder)), free_port()
        with serving(registry.path, port):
            command = [str(Path(sys.executable).with_name("schemathesis")), "--no-color", "run"]
            command += [f"http://127.0.0.1:{port}/openapi.json", "--checks", ",".join(CHECKS)]
            command += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(cases), "--seed", "1"]
            command += ["--suppress-health-check", "all", "--no-shrink", "--request-timeout", "60"]
            raise SystemExit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    parser = parser_of(__doc__)
    parser.add_argument("cases", nargs="?", type=int, metavar="CASES", default=CASES, help=f"default {CASES}")
    main(parser.parse_args().cases)
