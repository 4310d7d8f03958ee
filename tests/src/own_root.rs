//! The machine's `/` with writes of its own: what is installed into the system is tried there, and
//! the machine never sees it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::lab::{self, LabKernel, packages};
use crate::run;
use crate::{Result, program};

/// The end of [`ENTER`] if the folders of the system cannot be covered.
const IMPOSSIBLE: i32 = 125;

/// Covers `/` with an empty folder that takes the writes, and starts the words after the first
/// there. Other file systems are there, too, except for those in places that an installation
/// writes to: a check makes sure that these are covered.
const ENTER: &str = r#"
own=$1 && shift
cover() {
    mount --make-rprivate / && mount -t tmpfs none "$own" || return 1
    mkdir "$own/upper" "$own/work" "$own/root" || return 1
    points=$(while read -r _ _ _ _ point _; do echo "$point"; done < /proc/self/mountinfo)
    mount -t overlay -o "lowerdir=/,upperdir=$own/upper,workdir=$own/work" none "$own/root" || return 1
    for point in $points; do
        case $point in
        / | /boot* | /etc* | /lib* | /usr* | /var* | "$own"*) continue ;;
        esac
        point=$(printf '%b' "$point")
        mount --bind "$point" "$own/root$point" || :
    done
    for folder in lib etc var/lib boot; do
        [ "$(stat -Lc %d "$own/root/$folder")" = "$(stat -c %d "$own/root")" ] || return 1
    done
}
cover 2>&1 || exit 125
exec chroot "$own/root" sh -ec 'cd "$0" && exec "$@"' "$PWD" "$@"
"#;

/// Installs with `$@` into a system that has the kernel, and looks whether modprobe finds the module
/// `hello`. Uninstalling leaves the system as it was.
const INSTALL: &str = r#"
kbuild_rs=$1 image=$2 release=$3 && shift 3
mkdir -p /lib/modules /boot
cp -a "$image/lib/modules/$release" /lib/modules/
cp "$image/boot/config-$release" /boot/
contents() {
    for folder in /lib/modules/ /etc/depmod.d/ /etc/modules-load.d/ /var/lib/kbuild-rs/; do
        [ ! -d "$folder" ] || find "$folder" -print -type f -exec sha256sum {} +
    done | sort
}
depmod "$release"
before=$(contents)
"$@"
echo "modprobe: $(modprobe -S "$release" --show-depends hello)"
"$kbuild_rs" verify
"$kbuild_rs" status
"$kbuild_rs" uninstall --all
[ "$(contents)" = "$before" ]
echo "as before"
"#;

/// Runs a command that installs the module `hello` into `/`, in a copy of the machine's `/` with the
/// kernel, and removes it again. Returns the output; `None` if this machine cannot make such a copy.
///
/// # Errors
/// If the installation fails, the module is not the one that modprobe finds, or uninstalling leaves
/// something behind.
pub fn install_hello(
    install: &Command,
    kernel: &LabKernel,
    limit: Duration,
) -> Result<Option<String>> {
    packages::install(&["kmod"])?;
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (own, image) = (scratch.path().join("own"), scratch.path().join("image"));
    std::fs::create_dir(&own).map_err(|error| error.to_string())?;
    lab::image_root(kernel)?.copy_to(&image)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", ENTER, "sh"]).arg(&own);
    command.args(["sh", "-ec", INSTALL, "sh"]);
    command
        .arg(program::path()?)
        .arg(&image)
        .arg(&kernel.release);
    command.arg(install.get_program()).args(install.get_args());
    for (name, value) in install.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.current_dir(install.get_current_dir().unwrap_or(Path::new("/")));
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command.env_remove("DESTDIR").env_remove("INSTALL_MOD_PATH");
    let output = run::run(&mut command, limit)?;
    let said = format!("{}{}", output.out(), output.err());
    let refused = said.contains("unshare failed") || said.contains("unshare: ");
    if output.status.code() == Some(IMPOSSIBLE) || refused {
        return Ok(None);
    }
    let file = format!("/lib/modules/{}/updates/hello.ko", kernel.release);
    let is_found = said.contains(&format!("modprobe: insmod {file}"));
    match output.status.success() && is_found && said.contains("as before\n") {
        true => Ok(Some(said)),
        false => Err(format!("{}\n{said}", output.status)),
    }
}
