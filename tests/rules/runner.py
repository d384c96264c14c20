"""tests/rules/runner.py — asks gwd-testcert about many cases.

Ends with a line as Criterion writes it, which tests/run counts. GWD_BIN: where
gwd-testcert is, when not beside the script.
"""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

unusable = "unusable"


class Runner:
    def __init__(self, program, where):
        self.program, self.where, self.files = program, where, {}

    def file(self, made):
        """A file is named for what is in it (its `der`), which lives as
        long."""
        if id(made) not in self.files:
            path = os.path.join(self.where, f"{len(self.files)}.der")
            with open(path, "wb") as f:
                f.write(made.der)
            self.files[id(made)] = path, made
        return self.files[id(made)][0]

    def arguments(self, one):
        """Of the options, some are words, others what is in their files."""
        _, _, leaf, given, trusted, options, at = one
        line = [self.program, "--ca"] + [self.file(c) for c in trusted]
        if given:
            line += ["--intermediate"] + [self.file(c) for c in given]
        words = [o if isinstance(o, str) else self.file(o) for o in options]
        return line + ["--at", at] + words + ["--json", "--",
                                              self.file(leaf)]

    def judge(self, pair):
        """(what is wrong or None)"""
        one, line = pair
        what, want = one[:2]
        try:
            done = subprocess.run(line, capture_output=True, text=True,
                                  check=False, timeout=20)
        except subprocess.TimeoutExpired:
            return f"{what}: no end"
        if want == unusable and done.returncode == 2:
            return None
        if done.returncode not in (0, 1):
            return f"{what}: status {done.returncode}: {done.stderr}"
        reason, _, detail = (want or "").partition(": ")
        said = json.loads(done.stdout)
        is_ok = reason == "ok"
        if said["accepted"] == is_ok == (done.returncode == 0) and \
                reason in ("", said["reason"]) and detail in said["detail"]:
            return None
        return f"{what}: {said['reason']}, not {want}: {said['detail']}"


def run(cases):
    """Each case: what it is; the reason expected ("ok", "reason: a part of
    the detail", None for any but ok, `unusable` for status 2); the
    certificate; those given with it; those trusted; further options; the
    time. Whether anything was wrong."""
    program = os.path.abspath(os.path.join(
        os.environ.get("GWD_BIN", os.path.dirname(sys.argv[0])),
        "gwd-testcert"))
    with tempfile.TemporaryDirectory() as where, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        runner = Runner(program, where)
        pairs = [(one, runner.arguments(one)) for one in cases]
        start = time.monotonic()
        wrong = [w for w in pool.map(runner.judge, pairs) if w]
        ms = 1000 * (time.monotonic() - start) / len(cases)
    print(*wrong, f"{len(cases)} cases, {ms:.1f} ms a call", sep="\n")
    print(f"[====] Synthesis: Tested: {len(cases)} | "
          f"Passing: {len(cases) - len(wrong)} | Failing: {len(wrong)} | "
          "Crashing: 0")
    return bool(wrong)
