# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages that end early, at every octet: no crash, and whatever is shown is what the whole message says."""

import broken
import oracle


def units(run, folder):
    return [message.name for message in broken.messages(broken.structure)]


def check(run, folder, unit):
    message = broken.named(unit, broken.structure)
    data = broken.encoded(message)
    path = run.scratch / f"truncation-{unit}.pcap"
    frames = broken.write(run, path, message, [data[:length] for length in range(len(data))])
    path.chmod(0o644)
    lines = []
    for way in ("single", "two-pass"):
        facts = broken.facts(message, way)
        fields = broken.shown(run, path, message, way, frames)
        lines += broken.whole(message, fields[-1], way)
        most = 0
        for length, part in enumerate(fields[:-1]):
            where = f"{way}, frame {frames[length]}, {length} of {len(data)} octets"
            lines += wrong(facts, part, where)
            # One more octet takes nothing away.
            if len(part) < most:
                lines.append(f"{where}: {len(part)} fields are shown, a shorter part showed {most}")
            most = max(most, len(part))
        # Part of a lone certificate is nothing; part of a signed message is something.
        if oracle.outline(message.data) and not any(len(part) > 1 for part in fields[:-1]):
            lines.append(f"{way}: no part of the message shows anything")
    path.unlink()
    return lines


def wrong(facts, part, where):
    """Failure lines for values that the whole message does not have, or not in this place."""
    if "scep.operation" not in dict(part):
        return [f"{where}: scep.operation is not shown"]
    lines = []
    for field in {name for name, _ in part}:
        got = [value for name, value in part if name == field]
        expected = [fact.value for fact in facts if fact.field == field]
        # A part of an envelope is not opened.
        if got != expected[:len(got)] and not (field == "scep.envelope_opened" and got == [False]):
            lines.append(f"{where}: {field}\n      expected (the beginning of) {expected}\n      got      {got}")
    return lines
