//! The compiler that a kernel's headers ask for.

use std::fs;
use std::path::Path;

/// The compiler to use instead, if the machine does not have the one in the headers.
pub(super) fn missing(kdir: &Path) -> Option<String> {
    let text = fs::read_to_string(kdir.join(".kernelvariables")).ok()?;
    let own = named_compiler(&text)?;
    if is_on_path(&own) {
        return None;
    }
    let others = ["gcc-12", "gcc-11", "gcc-13", "gcc"];
    others
        .into_iter()
        .find(|name| is_on_path(name))
        .map(str::to_owned)
}

/// The compiler that the headers name; if they name none, the machine's own.
pub(super) fn own(kdir: &Path) -> String {
    let text = fs::read_to_string(kdir.join(".kernelvariables")).unwrap_or_default();
    named_compiler(&text).unwrap_or_else(|| "gcc".to_owned())
}

fn named_compiler(kernelvariables: &str) -> Option<String> {
    let line = kernelvariables
        .lines()
        .find(|line| line.starts_with("CC ="))?;
    let number = line.rsplit_once("gcc-")?.1.trim();
    number
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| format!("gcc-{number}"))
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_compiler_is_read_from_its_variables() {
        let text = "override ARCH = x86\nCC = $(if $(X),$(CCACHE)) $(CROSS_COMPILE)gcc-10\n";
        assert_eq!(named_compiler(text).as_deref(), Some("gcc-10"));
    }
}
