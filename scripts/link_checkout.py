"""usage: PYTHON scripts/link_checkout.py: gives the environment of that Python the command `sfu`, and `import sfu`, of this checkout.

That is what an editable installation would do, but for building the native module a second time.
"""

import sys
import sysconfig
import tomllib
from pathlib import Path

# A shebang may have 127 characters and no space. This is a comment to Python and, to the shell, a command.
SCRIPT = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
import sys

from {module} import {function}

sys.exit({function}())
"""


def main() -> None:
    if sys.prefix == sys.base_prefix:
        sys.exit("link_checkout.py: this is for a virtual environment, not for the system's Python")
    checkout = Path(__file__).resolve().parents[1]
    project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, entry in project["scripts"].items():
        module, function = entry.split(":")
        script = Path(sysconfig.get_path("scripts"), name)
        text = SCRIPT.format(python=sys.executable, module=module, function=function)
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)
    path_file = Path(sysconfig.get_path("purelib"), f"{project['name']}-checkout.pth")
    path_file.write_text(f"{checkout}\n", encoding="utf-8")


main()
