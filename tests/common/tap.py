# SPDX-License-Identifier: Apache-2.0
"""What a test program says: TAP on stdout."""
import contextlib
import os
import traceback


class Skip(Exception):
    """Why a test cannot run here."""


class Tap:
    """So many tests, one `with tap.test(name):` each. Whatever goes wrong in one is its failure, and the others still run."""

    def __init__(self, tests):
        self.number = self.failed = 0
        print(f"1..{tests}", flush=True)

    @contextlib.contextmanager
    def test(self, name):
        self.number += 1
        try:
            yield
            print(f"ok {self.number} - {name}", flush=True)
        except Skip as e:
            print(f"ok {self.number} - {name} # SKIP {e}", flush=True)
        except Exception as e:
            self.failed += 1
            where = [f"{os.path.basename(f.filename)}:{f.lineno}: {f.line}" for f in traceback.extract_tb(e.__traceback__)[1:][-4:]]
            said = f"{type(e).__name__}: {e}"[:4000].splitlines() + where
            print("\n".join([f"not ok {self.number} - {name}"] + ["# " + x for x in said]), flush=True)

    def status(self):
        return 1 if self.failed else 0


def run(tests, *given, skip=""):
    """Calls each function with what is given, or says why none can run here. One that answers a list finds fault with each thing in it. The status to exit with."""
    tap = Tap(len(tests))
    for test in tests:
        with tap.test(test.__name__):
            if skip:
                raise Skip(skip)
            wrong = test(*given)
            assert not wrong, "\n" + "\n".join(wrong)
    return tap.status()
