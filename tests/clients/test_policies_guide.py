"""docs/policies.md shows what the commands print."""

import re
import shlex
import subprocess

from harness import ACCOUNT, BINARY, ROOT, ROOT_CREDENTIALS, Locum, Server, base_environment

GUIDE = (ROOT / "docs/policies.md").read_text()
FILE = re.compile(r"`([\w-]+\.json)`:\n\n```json\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def test_the_guide_shows_what_the_commands_print(tmp_path):
    files = FILE.findall(GUIDE)
    blocks = CONSOLE.findall(GUIDE)
    assert (len(files), len(blocks)) == (3, 5)
    for name, content in files:
        (tmp_path / name).write_text(content)
    arguments = ["--data", str(tmp_path / "locum-data"), "--account-id", ACCOUNT]
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        locum = Locum(server)
        for block in blocks:
            shown = ""
            for line in block.splitlines():
                if not line.startswith("$ "):
                    continue
                program, *rest = shlex.split(line[2:])
                if program == "aws":
                    ran = locum.aws(*rest, credentials=ROOT_CREDENTIALS, home=tmp_path)
                else:
                    assert program == "locum"
                    ran = subprocess.run(
                        [BINARY, *rest],
                        cwd=tmp_path,
                        env=base_environment(tmp_path),
                        capture_output=True,
                        text=True,
                        timeout=60,
                        check=False,
                    )
                shown += f"{line}\n{ran.stdout}{ran.stderr}"
            assert block == shown
