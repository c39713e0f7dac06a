"""The serial line of an emulated board, as the scripts read it and type on it."""

import os
import re
import select
import subprocess
import time


class Console:
    """A program whose standard streams are a board's serial line."""

    def __init__(self, arguments):
        self.p = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.out = bytearray()

    def until(self, pattern, timeout):
        """Reads until pattern stands in what came since the last call, the machine ends or the time is up."""
        begin, at = time.monotonic(), len(self.out)
        while time.monotonic() - begin < timeout:
            if select.select([self.p.stdout], [], [], 0.3)[0]:
                piece = os.read(self.p.stdout.fileno(), 65536)
                if not piece:
                    return False
                self.out += piece
            if re.search(pattern, bytes(self.out[at:])):
                return True
        return False

    def end(self):
        self.p.kill()
        self.p.wait()
        return bytes(self.out)
