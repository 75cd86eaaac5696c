"""Programs of tests/node, run on the npm packages that `cargo xtask test` has installed."""

import json
import os
import pathlib
import subprocess
import sys
import threading

from harness import ROOT, base_environment

# Beside the Python environment that runs this.
PACKAGES = pathlib.Path(os.environ.get("LOCUM_NODE", pathlib.Path(sys.prefix).parent / "node"))


class NodeProgram:
    """A script of tests/node that runs until it is stopped.

    It gets `settings` as JSON in its first argument. Each line that it prints is a JSON value; the
    first one says that it is ready. It reads lines of JSON, and answers each with one.
    """

    def __init__(self, folder, script, settings=None, within=60):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # Packages are looked for in the folders above a script, and the scripts' own has none.
        for name, target in (("node_modules", PACKAGES / "node_modules"), ("scripts", ROOT / "tests/node")):
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(target)
        self.within = within
        self.log_path = folder / f"{script}.log"
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            ["node", "--preserve-symlinks", "--preserve-symlinks-main", folder / "scripts" / script]
            + [json.dumps(settings)],
            cwd=folder,
            env=base_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        self.ready = self._line()

    def ask(self, question):
        """Sends one line of JSON and reads the one that answers it."""
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return self._line()

    def _line(self):
        # Whoever waits in vain is freed by the end of the program.
        timer = threading.Timer(self.within, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        assert line, f"the program ended or was silent for {self.within} s:\n{self.log_path.read_text()}"
        return json.loads(line)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
