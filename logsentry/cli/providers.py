"""Which execution providers of onnxruntime really run here: `python -m logsentry.cli.providers` prints one JSON object.

`onnxruntime.get_available_providers()` says what was compiled in, not what works. Here each provider opens a session over
the smallest graph. It is a process of its own because a broken driver may end it, and because the native library writes to
stderr what it misses (`libcublasLt.so.13: cannot open shared object file`), which is the reason worth showing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

_IDENTITY = (  # one Identity node, float[1] -> float[1]; opset 13, IR 8; written by onnx.helper
    b'\x08\x08\x12\x00:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01gZ\x0f\n\x01x\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01'
    b"b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\r"
)
_SECONDS = 60


def tried() -> dict[str, str]:
    """{provider: "" or why it does not run}, found out in a child process."""
    child = [sys.executable, "-m", "logsentry.cli.providers"]
    try:
        done = subprocess.run(child, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"cpu": f"onnxruntime did not answer within {_SECONDS} seconds"}
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"it ended with code {done.returncode}"]
        return {"cpu": f"onnxruntime does not start: {last[0]}"}
    answers: dict[str, str] = json.loads(done.stdout)
    missing = re.search(r"\S+: cannot open shared object file", done.stderr)
    return {name: missing[0] if reason and missing else reason for name, reason in answers.items()}


def main() -> None:
    from logsentry.errors import LogsentryError
    from logsentry.scoring.hardware import PROVIDERS, Hardware
    from logsentry.scoring.onnx_session import OnnxSession

    answers = {}
    for name in PROVIDERS:
        try:
            OnnxSession(_IDENTITY, Hardware((name,)), aloud=True)
            answers[name] = ""
        except LogsentryError as error:
            answers[name] = str(error)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
