//! A disk whose power can be cut.

use std::{
    fs::{self, File},
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use rustix::ioctl::{Setter, ioctl};

use crate::{
    mount::{Mount, privileged},
    scratch::Scratch,
    tool::run,
};

/// A disk whose power can be cut: an ext4 image on a loop device.
///
/// What was written and not synced is gone after [`Disk::cut`] and [`Disk::remount`]; what was
/// synced is there. Nothing is written back in between by itself, or seldom: the file system
/// commits its journal every five minutes, and the kernel's own write-back begins after some
/// seconds. A sync that is under way at the cut may claim to have succeeded, as none of a machine
/// without power could: what a process says after the cut is no acknowledgement. Drop what uses
/// the disk, or kill it, before the disk: declare the disk first.
///
/// The test's own kill leaves the mount behind; `umount` of the path that it had ends it.
#[derive(Debug)]
pub struct Disk {
    // Dropped in this order: a directory with a mount in it cannot be removed.
    mount: Option<Mount>,
    device: Device,
    scratch: Scratch,
}

/// The image as a block device, the same one before and after a power cut.
#[derive(Debug)]
struct Device {
    path: PathBuf,
    /// While it is open the kernel does not give the device to another image.
    _open: File,
}

impl Device {
    fn new(image: &Path) -> Result<Self, String> {
        let find = [Path::new("--find"), Path::new("--show"), image];
        let path = PathBuf::from(run("losetup", find)?.trim());
        let open = File::open(&path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        // In use, it is only marked: the kernel detaches the image after its last user.
        run("losetup", [Path::new("--detach"), &path])?;
        Ok(Self { path, _open: open })
    }

    fn mount(&self, at: &Path) -> Result<Mount, String> {
        Mount::new([Path::new("-o"), Path::new("commit=300"), &self.path], at)
    }
}

impl Disk {
    /// Why no disk can be had here, if so. Finds out by trying, once per process.
    ///
    /// # Errors
    /// The reason: it needs root, `mkfs.ext4`, loop devices and a kernel with ext4.
    pub fn available() -> Result<(), String> {
        static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
        let attempt = || {
            privileged()?;
            let mut disk = Self::try_new(8 * 1024 * 1024)?;
            disk.try_cut().map_err(|error| format!("the file system cannot be shut down: {error}"))?;
            disk.try_remount()
        };
        AVAILABLE.get_or_init(attempt).clone()
    }

    /// An empty disk of this many bytes, powered and mounted.
    ///
    /// # Panics
    /// If it cannot be had; ask [`Disk::available`] first.
    #[must_use]
    #[track_caller]
    pub fn new(bytes: u64) -> Self {
        Self::try_new(bytes).unwrap_or_else(|why| panic!("no disk: {why}"))
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        directory(&self.scratch)
    }

    /// Takes its power away: every access fails from now on, and what is not synced is lost.
    ///
    /// # Panics
    /// If the kernel refuses.
    #[track_caller]
    pub fn cut(&self) {
        self.try_cut().unwrap_or_else(|error| panic!("the power cannot be cut: {error}"));
    }

    /// Gives it power again. Whoever had files open on it must be gone.
    ///
    /// # Panics
    /// If it stays in use for ten seconds, or does not recover.
    #[track_caller]
    pub fn remount(&mut self) {
        self.try_remount().unwrap_or_else(|why| panic!("the disk does not come back: {why}"));
    }

    fn try_new(bytes: u64) -> Result<Self, String> {
        let scratch = Scratch::new();
        let image = scratch.join("image");
        let sized = File::create(&image).and_then(|file| file.set_len(bytes));
        sized.map_err(|error| format!("cannot make {}: {error}", image.display()))?;
        fs::create_dir(directory(&scratch)).map_err(|error| error.to_string())?;
        // No blocks are discarded and no tables initialised late: nothing writes but the test.
        let options = ["-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"];
        run("mkfs.ext4", options.map(Path::new).into_iter().chain([&*image]))?;
        let device = Device::new(&image)?;
        let mount = Some(device.mount(&directory(&scratch))?);
        Ok(Self { mount, device, scratch })
    }

    fn try_cut(&self) -> io::Result<()> {
        let directory = File::open(self.path())?;
        shut_down(&directory)
    }

    fn try_remount(&mut self) -> Result<(), String> {
        if let Some(mount) = self.mount.take() {
            mount.unmount()?;
        }
        self.mount = Some(self.device.mount(&self.path())?);
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // In an orderly way if it can be, so that the image is free before it is removed.
        if let Some(mount) = self.mount.take()
            && !std::thread::panicking()
            && let Err(why) = mount.unmount()
        {
            eprintln!("{why}");
        }
    }
}

fn directory(scratch: &Scratch) -> PathBuf {
    scratch.join("disk")
}

/// Shuts the file system of `file` down, its journal as it is.
#[expect(unsafe_code, reason = "no crate wraps the ioctl that ext4 has for testing power loss")]
fn shut_down(file: impl AsFd) -> io::Result<()> {
    /// `EXT4_IOC_SHUTDOWN` of the kernel's `include/uapi/linux/ext4.h`: `_IOR('X', 125, __u32)`.
    const SHUTDOWN: rustix::ioctl::Opcode = 0x8004_587d;
    /// `EXT4_GOING_FLAGS_NOLOGFLUSH`: not even the journal is flushed.
    const NO_LOG_FLUSH: u32 = 2;
    // SAFETY: the kernel reads one u32 through the pointer (`get_user` in ext4_ioctl_shutdown)
    // and writes nothing; the argument lives until the call returns. Another file system than
    // ext4 that knows the number (XFS, F2FS) takes the same argument, and the others refuse it.
    unsafe { ioctl(file, Setter::<SHUTDOWN, u32>::new(NO_LOG_FLUSH)) }.map_err(io::Error::from)
}
