//! The root of a sandbox, made in the child: between fork and exec, so it only makes system calls.
#![allow(unsafe_code, reason = "rustix has no mount_setattr")]

use std::ffi::{CStr, c_long};
use std::io;

use rustix::fs::{Mode, OFlags, mkdir, open};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::process::{chdir, pivot_root, umask};

use super::plan::{Plan, Step};
use super::view::Access;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// This number is the same on every architecture (alpha adds 110).
const MOUNT_SETATTR: c_long = 442;
const AT_RECURSIVE: c_long = 0x8000;
const ATTR_RDONLY: u64 = 1;
const ATTR_NOSUID: u64 = 2;
const ATTR_NODEV: u64 = 4;

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    namespace: u64,
}

/// Makes the new root, with the old one in a folder of it.
pub(super) fn make_root(plan: &Plan) -> io::Result<()> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    mount_change(
        c"/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    // Any existing folder will do: the old root stays whole, because the mount moves with the pivot.
    mount(c"tmpfs", c"/proc", c"tmpfs", quiet, Some(c"mode=0755"))?;
    mkdir(c"/proc/.old-root", Mode::RWXU)?;
    pivot_root(c"/proc", c"/proc/.old-root")?;
    chdir(c"/")?;
    let mask = umask(Mode::from_raw_mode(0o022));
    for step in &plan.steps {
        run(step)?;
    }
    umask(mask);
    Ok(())
}

fn run(step: &Step) -> io::Result<()> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV;
    match step {
        // Below a shown folder they exist. If one is missing all the same, its mount fails.
        Step::Folder(at) => {
            let _ = mkdir(at.as_c_str(), Mode::from_raw_mode(0o755));
        }
        Step::File(at) => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
            let _ = open(at.as_c_str(), flags, Mode::from_raw_mode(0o644));
        }
        Step::Link { target, at } => {
            let _ = rustix::fs::symlink(target.as_c_str(), at.as_c_str());
        }
        Step::Empty { at, mode } => {
            match mount(
                c"tmpfs",
                at.as_c_str(),
                c"tmpfs",
                quiet,
                Some(mode.as_c_str()),
            ) {
                // A folder that does not exist in a shown one has nothing to hide.
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Step::Bind { from, to, access } => {
            mount_bind_recursive(from.as_c_str(), to.as_c_str())?;
            let set = match access {
                Access::Device => ATTR_NOSUID,
                Access::Write => ATTR_NOSUID | ATTR_NODEV,
                Access::Read | Access::Empty => ATTR_NOSUID | ATTR_NODEV | ATTR_RDONLY,
            };
            set_attributes(to, set, AT_RECURSIVE)?;
        }
    }
    Ok(())
}

/// Changes the flags of a mount, with `AT_RECURSIVE` of those below it too.
fn set_attributes(path: &CStr, set: u64, how: c_long) -> io::Result<()> {
    let attributes = MountAttributes {
        set,
        clear: 0,
        propagation: 0,
        namespace: 0,
    };
    let size = size_of::<MountAttributes>();
    // SAFETY: the path and the structure live until the call returns.
    let done = unsafe {
        syscall(
            MOUNT_SETATTR,
            -1 as c_long,
            path.as_ptr(),
            how,
            &raw const attributes,
            size,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Mounts /proc of the new process namespace, and gives up the old root. /proc is read-only: root
/// without capabilities may still write to /proc/sys.
pub(super) fn finish_root() -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    mount(c"proc", c"/proc", c"proc", flags, None::<&CStr>)?;
    unmount(c"/.old-root", UnmountFlags::DETACH)?;
    let _ = rustix::fs::rmdir(c"/.old-root");
    set_attributes(c"/", ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, 0)
}
