//! Answers questions to git in the kernel's folder that are about the module.
//!
//! Before 6.13, kbuild reads a module's Makefile in the kernel's folder. If such a Makefile says
//! `$(shell git describe)` without a folder, it means its own repository.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::syntax::shell_quote;

/// Options before git's command that take a word of their own.
const WITH_A_WORD: &str = "-c | --exec-path | --namespace | --config-env | --super-prefix";

/// The text of a program that comes before git in `PATH`. If a command in the kernel's folder names
/// neither a folder nor a repository, it runs the command in the module's folder.
pub(crate) fn asked_in_kernel(git: &Path, kernel: [&Path; 2], module_dir: &Path) -> Vec<u8> {
    let [dir, source] = kernel.map(quoted);
    let (git, module_dir) = (quoted(git), quoted(module_dir));
    format!(
        "#!/bin/sh\n\
         # kbuild reads the module's Makefile in the kernel's folder.\n\
         own=yes skip=\n\
         for word do\n\
         \tif [ \"$skip\" ]; then skip=; continue; fi\n\
         \tcase $word in\n\
         \t-C | --git-dir | --git-dir=* | --work-tree | --work-tree=*) own=; break ;;\n\
         \t{WITH_A_WORD}) skip=yes ;;\n\
         \t-*) ;;\n\
         \t*) break ;;\n\
         \tesac\n\
         done\n\
         if [ \"$own\" ] && [ -z \"${{GIT_DIR+set}}\" ]; then\n\
         \tcase $(pwd -P)/ in\n\
         \t{dir}/* | {source}/*) cd {module_dir} || exit ;;\n\
         \tesac\n\
         fi\n\
         exec {git} \"$@\"\n"
    )
    .into_bytes()
}

fn quoted(path: &Path) -> String {
    // Quoted for the shell.
    shell_quote(path.as_os_str())
}

/// `PATH` with a folder in front.
pub(crate) fn before_path(folder: &Path, path: &OsStr) -> OsString {
    let mut text = folder.as_os_str().as_bytes().to_vec();
    text.push(b':');
    text.extend_from_slice(path.as_bytes());
    OsStr::from_bytes(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;
    use std::process::Command;

    #[test]
    fn only_a_command_that_names_no_folder_runs_in_the_module_folder() {
        let root = Root::new();
        for folder in ["kernel/scripts", "module", "other"] {
            root.create_dir(folder);
        }
        let git = root.executable("git", "#!/bin/sh\necho \"$(basename \"$(pwd)\") $*\"\n");
        let kernel = root.join("kernel");
        let text = asked_in_kernel(&git, [&kernel, &kernel], &root.join("module"));
        let door = root.executable("door", &text);
        let ask = |folder: &str, args: &[&str]| {
            // Through the shell, because a file that is open for writing cannot be executed.
            let mut command = Command::new("/bin/sh");
            command.arg(&door).args(args).current_dir(root.join(folder));
            let output = command.env_remove("GIT_DIR").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(ask("kernel", &["describe", "-C"]), "module describe -C\n");
        assert_eq!(
            ask("kernel/scripts", &["-c", "a=b", "log"]),
            "module -c a=b log\n"
        );
        assert_eq!(ask("kernel", &["-C", "x", "log"]), "kernel -C x log\n");
        assert_eq!(
            ask("kernel", &["--git-dir=x", "log"]),
            "kernel --git-dir=x log\n"
        );
        assert_eq!(ask("other", &["log"]), "other log\n");
    }
}
