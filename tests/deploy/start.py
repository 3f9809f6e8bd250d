"""Starts the installed daemon in a bare Debian as systemd does: with a notify socket, a folder for
its state and its credentials. Waits for READY and ends it with SIGTERM.

Argument: the folder of the Debian.
"""

import os
import pathlib
import signal
import socket
import subprocess
import sys

LIMIT = 60

debian = pathlib.Path(sys.argv[1])


def inside(path):
    """Returns a path of the Debian as it is outside."""
    return debian / path.lstrip("/")


sample = inside("/usr/share/doc/qlik-roster/examples/qlik-roster.toml").read_text()
# Any free port.
configuration = sample.replace("127.0.0.1:8720", "127.0.0.1:0")
inside("/etc/qlik-roster/qlik-roster.toml").write_text(configuration)
credentials = inside("/run/credentials")
credentials.mkdir(mode=0o700)
for name, secret in [
    ("secret_eu-client", "s3cret"),
    ("secret_hr", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
]:
    file = credentials / name
    file.write_text(secret)
    file.chmod(0o400)
state = inside("/var/lib/qlik-roster")
state.mkdir(mode=0o700)

notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(str(inside("/run/notify")))
notify.settimeout(LIMIT)
daemon = subprocess.Popen(
    ["chroot", debian, "/usr/bin/qlik-roster"]
    + ["--config", "/etc/qlik-roster/qlik-roster.toml", "serve"],
    env={
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "NOTIFY_SOCKET": "/run/notify",
        "STATE_DIRECTORY": "/var/lib/qlik-roster",
        "CREDENTIALS_DIRECTORY": "/run/credentials",
    },
)


def wait_for(word):
    """Waits until the daemon notifies of something."""
    while word not in notify.recv(4096).decode().splitlines():
        pass
    print(word, flush=True)


try:
    wait_for("READY=1")
    assert os.path.exists(state / "control.sock"), "the control socket is there"
    daemon.send_signal(signal.SIGTERM)
    wait_for("STOPPING=1")
    code = daemon.wait(LIMIT)
    assert code == 0, f"exit code {code}"
finally:
    daemon.kill()
print("it started and ended as it should")
