# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugins are loaded, and register the documented fields with their types."""

from harness import FIELD_TYPES, PLUGINS


def units(run, folder):
    return ["plugins", "fields"]


def check(run, folder, unit):
    if unit == "plugins":
        loaded = [line.split("\t")[0].strip() for line in run.loaded_plugins().splitlines()]
        names = [plugin.split("/")[1] for plugin in PLUGINS]
        return [f"tshark -G plugins lists {name} {loaded.count(name)} times, expected once" for name in names
                if loaded.count(name) != 1]
    registered = {}
    for line in run.run("tshark", "-G", "fields").stdout.decode().splitlines():
        kind, name, *rest = line.split("\t")
        if kind == "F" and rest[0].startswith("scep."):
            registered[rest[0]] = rest[1]
    # The width of an unsigned number is nobody's business unless it is documented.
    return [f"{field}: expected {kind} (documented), got {registered.get(field)}" for field, kind in FIELD_TYPES.items()
            if not (registered.get(field) or "").startswith(kind)]
