"""What an app is called when nobody gave it a name."""

import re

LONGEST = 30


def app_name_from(text: str) -> str:
    """The nearest app name to a directory's name: `My_App 2` becomes `my-app-2`. A letter comes first."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    words = words if words[:1].isalpha() else f"app-{words}"
    name = words[:LONGEST].rstrip("-")
    return name if len(name) > 1 else f"{name}-app"
