//! Disks that lose their power and disks that are full.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::PathBuf,
};

use entourage_testkit::{Disk, FullDisk, Program, Requirement, mimic::Trial};

use crate::{DEADLINE, message};

const MIB: u64 = 1024 * 1024;

pub(crate) fn trials() -> Vec<Trial> {
    let cut = |name, body: fn()| Requirement::from(Disk::available()).trial("power-loss", name, body);
    let full = |name, body: fn()| Requirement::from(FullDisk::available()).trial("full-disk", name, body);
    vec![
        cut("a_power_loss_takes_what_was_not_synced", a_power_loss_takes_what_was_not_synced),
        cut("a_disk_without_power_refuses_everything", a_disk_without_power_refuses_everything),
        cut("a_disk_goes_away_when_dropped", a_disk_goes_away_when_dropped),
        cut("a_disk_goes_away_when_its_test_panics", a_disk_goes_away_when_its_test_panics),
        full("a_full_disk_takes_no_more", a_full_disk_takes_no_more),
    ]
}

fn write(path: PathBuf, synced: bool) -> File {
    let mut file = File::create(path).expect("it can be made");
    file.write_all(b"content").expect("it can be written");
    if synced {
        file.sync_all().expect("it can be synced");
    }
    file
}

fn a_power_loss_takes_what_was_not_synced() {
    let mut disk = Disk::new(32 * MIB);
    let (kept, lost) = (disk.path().join("kept"), disk.path().join("lost"));
    let mut half = write(kept.clone(), true);
    drop(write(lost.clone(), false));
    half.write_all(b" and more").expect("it can be written");
    drop(half);
    assert!(lost.exists() && fs::read(&kept).expect("it can be read").len() == 16);

    disk.cut();
    disk.remount();
    assert_eq!(fs::read(&kept).expect("it can be read"), b"content");
    assert!(!lost.exists(), "the file was never synced");

    // It is a disk like any other afterwards, and loses power again.
    drop(write(disk.path().join("later"), true));
    disk.cut();
    disk.remount();
    assert!(disk.path().join("later").exists());
}

fn a_disk_without_power_refuses_everything() {
    let disk = Disk::new(32 * MIB);
    let file = write(disk.path().join("file"), false);
    disk.cut();
    file.sync_all().expect_err("nothing can be synced");
    File::create(disk.path().join("another")).expect_err("nothing can be made");
}

/// What is mounted below directories of the testkit, as the kernel sees it.
fn is_mounted(path: &str) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("there is one");
    mounts.lines().any(|line| line.split(' ').nth(1) == Some(path))
}

fn a_disk_goes_away_when_dropped() {
    let disk = Disk::new(32 * MIB);
    let path = disk.path().display().to_string();
    assert!(is_mounted(&path));
    drop(disk);
    assert!(!is_mounted(&path));
}

fn a_disk_goes_away_when_its_test_panics() {
    let mut path = PathBuf::new();
    message(|| {
        let disk = Disk::new(32 * MIB);
        path = disk.path();
        // In its wrong place: it outlives the disk, which is unmounted all the same.
        let user = Program::new("sleep").arg("1000").current_dir(disk.path()).start();
        let _later = (disk, user);
        panic!("on purpose");
    });
    assert!(!is_mounted(&path.display().to_string()));
    fs::remove_dir_all(path.parent().expect("it lies in a directory")).expect("it was kept");
}

fn a_full_disk_takes_no_more() {
    let disk = FullDisk::new(256 * 1024);
    let mut file = File::create(disk.path().join("file")).expect("it can be made");
    let chunk = vec![1; 64 * 1024];
    let refused = (0..5).find_map(|_| file.write_all(&chunk).err()).expect("it is full by then");
    assert_eq!(refused.kind(), ErrorKind::StorageFull);
    drop(file);

    let written = fs::metadata(disk.path().join("file")).expect("it is there").len();
    assert!(written <= 256 * 1024);
    let path = disk.path().display().to_string();
    drop(disk);
    assert!(!is_mounted(&path));
    let mut listing = Program::new("ls").arg(&path).start();
    assert!(!listing.wait(DEADLINE).status.success());
}
