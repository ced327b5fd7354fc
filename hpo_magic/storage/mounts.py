"""Whether a folder is on a network file system, where SQLite's write-ahead log does not hold.

The log's index is memory that the processes share, so all of them must be on one host
(https://sqlite.org/wal.html, "Disadvantages"). SQLite notices only where there is no shared memory
at all; on NFS it would go on, and two hosts would damage the file.
"""

from __future__ import annotations

from pathlib import Path

import psutil

# FUSE (sshfs, mounted cloud drives), 9p (WSL's view of Windows) and virtiofs (a container's view of
# its host) lead to another system too.
NETWORK = {
    *("9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "fuse", "gfs2", "glusterfs", "gpfs"),
    *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "vboxsf"),
    *("virtiofs", "webdav"),
}


def is_on_network(folder: Path) -> bool:
    """Return whether other hosts may see the folder; False where the system does not tell."""
    try:
        mounts = psutil.disk_partitions(all=True)
    except (OSError, psutil.Error):
        return False
    # The later of two mounts at one place hides the earlier.
    by_place = {Path(mount.mountpoint): mount for mount in mounts}
    folder = folder.resolve()
    places = (place for place in (folder, *folder.parents) if place in by_place)
    place = next(places, None)
    if place is None:
        return False
    is_remote_drive = "remote" in by_place[place].opts.split(",")  # what Windows calls them
    return is_remote_drive or by_place[place].fstype.partition(".")[0] in NETWORK
