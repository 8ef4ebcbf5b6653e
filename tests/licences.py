#!/usr/bin/env python3
"""Fails when a dependency has a licence that this project cannot be shipped with."""

import json
import re
import subprocess
import sys

ALLOWED = {
    "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD",
    "Unicode-3.0", "CC0-1.0", "Unlicense", "BSL-1.0", "CDLA-Permissive-2.0", "MPL-2.0",
}


def allowed(expression):
    """An SPDX expression of ids with AND, OR and brackets; the old `A/B` means A OR B."""
    tokens = re.findall(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?", expression.replace("/", " OR "))
    words = {"AND": " and ", "OR": " or ", "(": "(", ")": ")"}
    return eval("".join(words.get(token, str(token in ALLOWED)) for token in tokens))  # only and, or, True, False


metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
refused = [
    f"{package['name']} {package['version']}: {package['license'] or 'no licence is named'}"
    for package in metadata["packages"]
    if not (package["license"] and allowed(package["license"]))
]
print("\n".join(refused) or f"{len(metadata['packages'])} packages, every licence allowed")
sys.exit(bool(refused))
