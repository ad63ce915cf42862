"""Results as files: JSON with a line for whatever holds no other list or object, such as a run."""

import json


def text(value, indent=0):
    """`value` as JSON, its lists and objects one step further in than it is."""
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}: " for name in value]
        values, ends = list(value.values()), "{}"
    elif isinstance(value, list):
        members, values, ends = [""] * len(value), value, "[]"
    else:
        return json.dumps(value)
    if not any(isinstance(inner, (dict, list)) and inner for inner in values):
        return json.dumps(value)
    lines = [" " * (indent + 1) + name + text(inner, indent + 1) for name, inner in zip(members, values)]
    return f"{ends[0]}\n" + ",\n".join(lines) + f"\n{' ' * indent}{ends[1]}"
