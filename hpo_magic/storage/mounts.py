"""Whether a folder is on a network file system, where SQLite's write-ahead log does not hold.

The log's index is memory that the processes share, so all of them must be on one host
(https://sqlite.org/wal.html, "Disadvantages"). SQLite notices only where there is no shared memory
at all; on NFS it would go on, and two hosts would damage the file.
"""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mounts")  # Linux; elsewhere SQLite's own check has to do

# FUSE (sshfs, mounted cloud drives), 9p (WSL's view of Windows) and virtiofs (a container's view of
# its host) lead to another system too.
NETWORK = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre"),
    *("ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "vboxsf", "virtiofs"),
}


def is_on_network(folder: Path) -> bool:
    """Return whether other hosts may see the folder; False where that cannot be told."""
    try:
        mounts = MOUNTS.read_text(errors="replace")
    except OSError:
        return False
    return file_system(folder.resolve(), mounts).partition(".")[0] in NETWORK


def file_system(folder: Path, mounts: str) -> str:
    r"""Return the type of the file system a folder is on, as the table `mounts` has it, or "".

    >>> mounts = "/dev/sda1 / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n"
    >>> file_system(Path("/home/ada/notebooks"), mounts)
    'nfs4'
    """
    lines = [line.split(" ") for line in mounts.splitlines()]
    # A space is written as \040. The later of two mounts at one place hides the earlier.
    types = {Path(line[1].replace(r"\040", " ")): line[2] for line in lines if len(line) > 2}
    return next((types[place] for place in (folder, *folder.parents) if place in types), "")
