"""Runs one function of a bench with Django set up: module, function, JSON, answer."""

import json
import signal
import sys
from importlib import import_module
from pathlib import Path


def main() -> None:
    # TERM ends us like Ctrl-C does: through every `finally`.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    module, function, arguments, answer = sys.argv[1:]
    import django

    django.setup()
    call = getattr(import_module(f"benchmarks.{module}"), function)
    Path(answer).write_text(json.dumps(call(**json.loads(arguments))))


if __name__ == "__main__":
    main()
