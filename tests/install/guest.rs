//! Guests with a root's modules, and every modprobe that may meet them.

use std::path::Path;

use kbuild_vm::Guest;
use tempfile::TempDir;

/// Shell functions for scripts. `loads M NAME VERSION` loads M, an alias or a name, and looks at
/// the version of the module NAME; VERSION is empty for the kernel's own modules.
pub(crate) const FUNCTIONS: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
loads() {
    for modprobe in "modprobe-30" "modprobe-34" "busybox modprobe"; do
        $modprobe "$1" || fail "$modprobe $1"
        version=$(cat "/sys/module/$2/version" 2>/dev/null)
        [ -e "/sys/module/$2" ] || fail "$modprobe $1: $2 is not loaded"
        [ "$version" = "$3" ] || fail "$modprobe $1: $2 has version '$version', not '$3'"
        rmmod "$2" || fail "rmmod $2"
    done
}
refuses() {
    for modprobe in "modprobe-30" "modprobe-34" "busybox modprobe"; do
        $modprobe "$1" 2>/tmp/said && fail "$modprobe $1: loaded"
        grep -q "Key was rejected\|Required key not available" /tmp/said || fail "$(cat /tmp/said)"
    done
}
"#;

/// Adds kmod of these versions, with its modprobe, depmod and insmod.
pub(crate) fn with_kmods(guest: Guest, versions: &[&str], scratch: &TempDir) -> Guest {
    kbuild_tests::guest::with_kmods(guest, versions, scratch.path()).unwrap()
}

/// Writes a program.
pub(crate) fn executable(path: &Path, text: &str) {
    kbuild_tests::root::executable(path, text).unwrap();
}
