# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin is loaded, and registers the documented fields with their types."""

from harness import FIELD_TYPES


def units(run, folder):
    return ["plugin", "fields"]


def check(run, folder, unit):
    if unit == "plugin":
        lines = [line for line in run.loaded_plugins().splitlines() if line.split("\t")[0].strip() == "scep.so"]
        return [] if len(lines) == 1 else [f"tshark -G plugins lists scep.so {len(lines)} times, expected once"]
    registered = {}
    for line in run.run("tshark", "-G", "fields").stdout.decode().splitlines():
        kind, name, *rest = line.split("\t")
        if kind == "F" and rest[0].startswith("scep."):
            registered[rest[0]] = rest[1]
    # The width of an unsigned number is nobody's business unless it is documented.
    return [f"{field}: expected {kind} (documented), got {registered.get(field)}" for field, kind in FIELD_TYPES.items()
            if not (registered.get(field) or "").startswith(kind)]
