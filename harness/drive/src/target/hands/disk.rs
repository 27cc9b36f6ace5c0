//! What is done to a folder: its file system is filled, or it takes no writes. Works in the mount namespace this thread is
//! in.

use rustix::fs::{self, FallocateFlags, Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;
use rustix::mount::{self, MountFlags, UnmountFlags};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// The file that fills.
const FILLER: &str = ".harness-full";
/// What a file system in memory calls itself.
const TMPFS: u64 = 0x0102_1994;

fn opened(folder: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fs::open(folder, flags, Mode::empty())?)
}

/// Fills a folder's file system until nobody can add a byte. Only one in memory: any other may be the engine's own disk.
pub(super) fn fill(folder: &str) -> io::Result<()> {
    let place = opened(folder)?;
    if fs::fstatfs(&place)?.f_type as u64 != TMPFS {
        return Err(io::Error::other(format!(
            "{folder} is no file system in memory: only a volume with a size can be filled, others are the engine's disk"
        )));
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = fs::openat(&place, FILLER, flags, Mode::RUSR | Mode::WUSR)?;
    let filled = pour(&place, file);
    if filled.is_err() {
        let _ = empty(folder);
    }
    filled
}

fn pour(place: &OwnedFd, file: OwnedFd) -> io::Result<()> {
    let mut file = std::fs::File::from(file);
    let begun = file.metadata()?.len();
    let free = fs::fstatfs(place)?;
    let free = free.f_bavail.saturating_mul(free.f_bsize as u64);
    if free > 0 {
        match fs::fallocate(file.as_fd(), FallocateFlags::empty(), begun, free) {
            // Somebody else took some of it: the rest is written.
            Ok(()) | Err(Errno::NOSPC) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // And what became free meanwhile.
    io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
    loop {
        match file.write(&vec![0; 64 * 1024]) {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes what fills it.
pub(super) fn empty(folder: &str) -> io::Result<()> {
    let place = opened(folder)?;
    Ok(fs::unlinkat(&place, FILLER, fs::AtFlags::empty())?)
}

/// Makes a folder take no writes: its mount is made read-only, or, where it is none or files in it are open for writing, a
/// read-only mount is put over it. Whether it was the second.
pub(super) fn freeze(folder: &str) -> io::Result<bool> {
    let flags = flags_of(folder)?;
    if flags.contains(MountFlags::RDONLY) {
        return Err(io::Error::other(format!("{folder} is read-only already")));
    }
    let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
    match mount::mount_remount(folder, flags, "") {
        Ok(()) => return Ok(false),
        // Files are open for writing; or it is no mount.
        Err(Errno::BUSY | Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    mount::mount_bind(folder, folder)?;
    if let Err(error) = mount::mount_remount(folder, flags, "") {
        let _ = mount::unmount(folder, UnmountFlags::DETACH);
        return Err(error.into());
    }
    Ok(true)
}

/// Lets it take writes again; `mounts` is the `mountinfo` of who lives here. One that takes them is left as it is.
pub(super) fn thaw(folder: &str, mounts: &str) -> io::Result<()> {
    let flags = flags_of(folder)?;
    if !flags.contains(MountFlags::RDONLY) {
        return Ok(());
    }
    if is_over(folder, mounts) {
        return Ok(mount::unmount(folder, UnmountFlags::DETACH)?);
    }
    let flags = flags - MountFlags::RDONLY;
    Ok(mount::mount_remount(folder, flags | MountFlags::BIND, "")?)
}

/// Whether the mount at a folder shows what lies under it anyway: one that [`freeze`] put over it.
fn is_over(folder: &str, mounts: &str) -> bool {
    struct Mount<'a> {
        id: &'a str,
        parent: &'a str,
        device: &'a str,
        root: PathBuf,
        at: PathBuf,
    }
    let mounts: Vec<Mount<'_>> = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            let (id, parent, device) = (fields.next()?, fields.next()?, fields.next()?);
            let (root, at) = (path(fields.next()?), path(fields.next()?));
            Some(Mount {
                id,
                parent,
                device,
                root,
                at,
            })
        })
        .collect();
    // The one that is seen there is told last.
    let top = mounts.iter().rfind(|mount| mount.at == Path::new(folder));
    top.is_some_and(|top| {
        let under = mounts.iter().find(|mount| mount.id == top.parent);
        under.is_some_and(|under| {
            let within = top.at.strip_prefix(&under.at).ok();
            // Joining nothing would add a slash, which components don't see.
            let same = within.map(|within| under.root.join(within));
            under.device == top.device
                && same.is_some_and(|same| same.components().eq(top.root.components()))
        })
    })
}

/// A path as `mountinfo` writes it: what would divide its fields is in octal.
fn path(text: &str) -> PathBuf {
    let octal = [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ];
    let plain = octal.iter().fold(text.to_owned(), |text, (code, plain)| {
        text.replace(code, plain)
    });
    PathBuf::from(plain)
}

/// How a folder is mounted: a change must say all of it again.
fn flags_of(folder: &str) -> io::Result<MountFlags> {
    const SAME: [(StatVfsMountFlags, MountFlags); 7] = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    let has = fs::statvfs(folder)?.f_flag;
    let same = SAME.into_iter().filter(|(of, _)| has.contains(*of));
    Ok(same.fold(MountFlags::empty(), |all, (_, flag)| all | flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A container's: its root, a volume at `/data`, one with a space in its name.
    const MOUNTS: &str = "100 90 0:50 / / rw - overlay overlay rw\n\
        101 100 0:51 / /data rw - tmpfs tmpfs rw\n\
        102 100 8:1 /volumes/a\\040b /a\\040b rw - ext4 /dev/sda1 rw\n";

    #[test]
    fn a_mount_that_freezing_put_over_a_folder_is_told_from_the_folders_own() {
        let with = |more: &str| format!("{MOUNTS}{more}");
        for folder in ["/data", "/a b", "/var/lib"] {
            assert!(!is_over(folder, MOUNTS), "{folder}");
        }
        let of_image = with("103 100 0:50 /var/lib /var/lib ro - overlay overlay rw\n");
        assert!(is_over("/var/lib", &of_image));
        assert!(is_over(
            "/data",
            &with("103 101 0:51 / /data ro - tmpfs tmpfs rw\n")
        ));
        let spaced = with("103 102 8:1 /volumes/a\\040b /a\\040b ro - ext4 /dev/sda1 rw\n");
        assert!(is_over("/a b", &spaced));
        // Another folder of the same disk.
        let other = with("103 100 8:1 /volumes/c /c ro - ext4 /dev/sda1 rw\n");
        assert!(!is_over("/c", &other));
    }
}
