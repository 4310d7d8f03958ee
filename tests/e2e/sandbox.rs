//! `--sandbox`: a hostile Makefile achieves nothing, and everybody else notices nothing.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run::{self, Output};
use tempfile::TempDir;

use crate::scene::{kernel_at, private_kernel, program_in_front};
use crate::support::*;
use crate::world::{NOBODY, give_to, is_root};

/// A user with a home, sources, a kernel tree and a process, and a hostile module tree.
struct Victim {
    scratch: TempDir,
    kernel: LabKernel,
    _kernel_tree: TempDir,
    user: Option<u32>,
    server: TcpListener,
    process: Child,
}

/// A process of the victim; it ends with the test.
impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Victim {
    fn new(user: Option<u32>) -> Victim {
        let scratch = tempfile::tempdir().unwrap();
        let (kernel_tree, kernel) = private_kernel(&kernel_at(1));
        for dir in [scratch.path(), kernel_tree.path()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let root = scratch.path();
        fs::copy(program(), root.join("kbuild-rs")).unwrap();
        write(root, &[("home/secret", "secret"), ("other/file", "other")]);
        let files = [("Kbuild", KBUILD), ("hello.c", HELLO), ("attempts", "")];
        write(&root.join("source"), &files);
        fs::create_dir(root.join("out")).unwrap();
        if let Some(user) = user {
            give_to(user, root);
            give_to(user, kernel_tree.path());
        }
        let mut sleep = command_as(user, Path::new("sleep"));
        let process = sleep.arg("600").stdout(Stdio::null()).spawn().unwrap();
        Victim {
            kernel,
            _kernel_tree: kernel_tree,
            user,
            server: TcpListener::bind("127.0.0.1:0").unwrap(),
            process,
            scratch,
        }
    }

    fn build(&self, more: &[&str]) -> Output {
        let root = self.scratch.path();
        let mut command = match self.user {
            None if is_root() => with_own_system(root),
            user => command_as(user, &root.join("kbuild-rs")),
        };
        command.args(["build", "source", "--out-dir", "out", "--kernel"]);
        command.arg(&self.kernel.kdir).args(more).current_dir(root);
        command.env("HOME", root.join("home")).env("TMPDIR", "/tmp");
        if let Some(cc) = &self.kernel.cc {
            command.args(["--cc", cc]);
        }
        run::run(&mut command, LIMIT).unwrap()
    }

    /// The files that attempts write, with the names of these attempts. A sandbox may let them write
    /// to its own empty folders.
    fn evidence(&self) -> Vec<(&'static str, PathBuf)> {
        let root = self.scratch.path();
        vec![
            ("write-home", root.join("home/new")),
            ("write-other", root.join("other/new")),
            ("write-source", root.join("source/new")),
            ("write-out", root.join("out/new")),
            ("write-kernel", self.kernel.kdir.join("new")),
            (
                "write-temporary",
                format!("/tmp/kbuild-rs-{}", self.process.id()).into(),
            ),
        ]
    }

    /// The name of files and folders that the attempts of root make.
    fn name(&self) -> String {
        format!("kbuild-rs-attempt-{}", self.process.id())
    }

    /// Lines of shell, each with a name. All of them work without a sandbox.
    fn attempts(&self) -> Vec<(&'static str, String)> {
        let root = self.scratch.path().display();
        let kernel = self.kernel.kdir.display();
        let port = self.server.local_addr().unwrap().port();
        let process = self.process.id();
        let mut attempts = vec![
            ("read-home", format!("cat {root}/home/secret")),
            ("read-other", format!("cat {root}/other/file")),
            ("change-kernel", format!("echo >> {kernel}/Makefile")),
            (
                "connect",
                format!("bash -c ': <>/dev/tcp/127.0.0.1/{port}'"),
            ),
            ("signal", format!("kill -CONT {process}")),
            (
                "see-process",
                format!("grep -q sleep /proc/{process}/cmdline"),
            ),
        ];
        let written = self.evidence().into_iter();
        attempts.extend(written.map(|(name, path)| (name, format!("echo x > {}", path.display()))));
        if self.user.is_none() {
            let name = self.name();
            attempts.extend([
                ("write-usr", format!("touch /usr/{name}")),
                ("write-etc", format!("touch /etc/{name}")),
                ("read-shadow", "cat /etc/shadow".to_owned()),
                ("device", format!("mknod /tmp/{name} c 1 3 && rm /tmp/{name}")),
                ("mount", format!("mkdir /tmp/{name} && mount -t tmpfs none /tmp/{name} && umount /tmp/{name} && rmdir /tmp/{name}")),
                ("sysctl", "cat /proc/sys/vm/swappiness > /tmp/kbuild-rs-sysctl && cat /tmp/kbuild-rs-sysctl > /proc/sys/vm/swappiness; r=$?; rm -f /tmp/kbuild-rs-sysctl; exit $r".to_owned()),
                ("host-name", "hostname \"$(uname -n)\"".to_owned()),
            ]);
        }
        attempts
    }

    /// The names of the attempts that worked.
    fn succeeded(&self, more: &[&str]) -> Vec<String> {
        let line = |(name, attempt): (&str, String)| {
            format!(
                "if ( {attempt} ) >/dev/null 2>&1; then echo \"attempt {name} worked\"; \
                 else echo \"attempt {name} failed\"; fi >&2\n"
            )
        };
        let attempts = self.attempts();
        let count = attempts.len();
        let script: String = attempts.into_iter().map(line).collect();
        write(
            &self.scratch.path().join("source"),
            &[("attempts", &script)],
        );
        let output = self.build(more);
        let said = format!("{}{}", output.err(), output.out());
        assert!(output.status.success(), "{said}");
        let tried: Vec<_> = said
            .lines()
            .filter_map(|l| l.strip_prefix("attempt "))
            .collect();
        assert!(tried.len() >= count, "{said}");
        let worked = tried.iter().filter_map(|line| line.strip_suffix(" worked"));
        let mut worked: Vec<_> = worked.map(str::to_owned).collect();
        for (name, path) in self.evidence() {
            worked.retain(|other| other != name);
            if fs::remove_file(path).is_ok() {
                worked.push(name.to_owned());
            }
        }
        worked.sort();
        worked.dedup();
        worked
    }

    fn is_defended(&self) {
        let mut all: Vec<_> = self.attempts().into_iter().map(|(name, _)| name).collect();
        all.sort_unstable();
        assert_eq!(self.succeeded(&["--sandbox"]), Vec::<String>::new());
        let out = self.scratch.path().join("out");
        let module = modules(&out);
        // The control: without the sandbox each of them works, and the module is the same.
        assert_eq!(self.succeeded(&[]), all);
        assert!(module == modules(&out));
    }
}

const KBUILD: &str = "obj-m := hello.o\n$(shell sh $(src)/attempts)\n";

/// Starts the program in `root`, as root with other mounts and another host name than the machine:
/// attempts that work change layers in memory above `/usr` and `/etc`.
fn with_own_system(root: &Path) -> Command {
    let script = "mkdir -p \"$0\" && mount -t tmpfs none \"$0\" || exit 125\n\
        for folder in usr etc; do\n\
        mkdir \"$0/$folder\" \"$0/$folder.work\"\n\
        mount -t overlay none /$folder \\\n\
        -o \"lowerdir=/$folder,upperdir=$0/$folder,workdir=$0/$folder.work\" || exit 125\n\
        done\nexec \"$@\"\n";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--uts", "--propagation=private", "sh", "-c"])
        .args([script.as_ref(), root.join("layers").as_os_str()])
        .arg(root.join("kbuild-rs"));
    command
}

fn command_as(user: Option<u32>, program: &Path) -> Command {
    let Some(user) = user else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={user}"))
        .arg(format!("--regid={user}"))
        .arg("--clear-groups")
        .arg(program);
    command
}

#[test]
fn a_hostile_makefile_run_by_root_achieves_nothing() {
    if !is_root() {
        return println!("not run: it takes root");
    }
    let victim = Victim::new(None);
    victim.is_defended();
    // The control wrote to layers above them.
    for folder in ["/usr", "/etc"] {
        assert!(!Path::new(folder).join(victim.name()).exists());
    }
}

#[test]
fn a_hostile_makefile_run_by_another_user_achieves_nothing() {
    Victim::new(is_root().then_some(NOBODY)).is_defended();
}

#[test]
fn what_is_allowed_by_name_works_and_nothing_else() {
    let victim = Victim::new(None);
    let root = victim.scratch.path();
    let read = format!("--sandbox-allow=read={}", root.join("other").display());
    let write = format!("--sandbox-allow=write={}", root.join("home").display());
    assert_eq!(victim.succeeded(&["--sandbox", &read]), ["read-other"]);
    let both = ["read-home", "read-other", "write-home"];
    assert_eq!(victim.succeeded(&["--sandbox", &read, &write]), both);
    let network = ["--sandbox", "--sandbox-allow=network"];
    assert_eq!(victim.succeeded(&network), ["connect"]);
    for wrong in ["net", "read=/", "read=/nonexistent/file"] {
        let output = victim.build(&["--sandbox", "--sandbox-allow", wrong]);
        assert!(!output.status.success());
        assert!(output.err().contains("sandbox"), "{}", output.err());
    }
}

#[test]
fn a_product_that_links_to_a_hidden_file_is_not_read() {
    let dir = folder(&[
        ("secret", "a secret"),
        ("tree/hello.c", HELLO),
        (
            "tree/Kbuild",
            "obj-m := hello.o\nalways-y := fw.bin\n$(obj)/fw.bin: FORCE\n\tln -sf $(SECRET) $@\n",
        ),
    ]);
    let kernel = kernel_at(1);
    let mut command = Command::new(program());
    command
        .args(["build", "tree", "--product=fw.bin"])
        .arg(format!(
            "--make-var=SECRET={}",
            dir.path().join("secret").display()
        ))
        .arg("--kernel")
        .arg(&kernel.kdir)
        .current_dir(dir.path());
    built(&mut command);
    let product = dir.path().join("kbuild-out/fw.bin");
    assert_eq!(fs::read(&product).unwrap(), b"a secret");
    fs::remove_dir_all(dir.path().join("kbuild-out")).unwrap();
    let output = run::run(command.arg("--sandbox"), LIMIT).unwrap();
    assert!(!output.status.success());
    assert!(
        output.err().contains("outside of its stage"),
        "{}",
        output.err()
    );
    assert!(!product.exists());
}

#[test]
fn a_prepare_command_runs_in_the_sandbox_and_a_home_holds_sources_compiler_and_kernel() {
    let kernel = kernel_at(1);
    let home = folder(&[
        (
            "source/hello.c",
            &format!("#include \"version.h\"\n{HELLO}"),
        ),
        ("source/Kbuild", "obj-m := hello.o\n"),
        ("secret", "secret"),
    ]);
    let cc = kernel.cc.as_deref().unwrap_or("gcc");
    let script = format!("#!/bin/sh\nexec {cc} \"$@\"\n");
    write(home.path(), &[("tools/bin/own-gcc", &script)]);
    let own = home.path().join("tools/bin/own-gcc");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    let prepare = format!(
        "! test -e {}/secret && test -f \"$KDIR/Makefile\" && echo > version.h",
        home.path().display()
    );
    let mut command = Command::new(program());
    command
        .args(["build", "source", "--sandbox", "--prepare", &prepare])
        .arg("--cc")
        .arg(&own)
        .arg("--kernel")
        .arg(&kernel.kdir)
        .env("HOME", home.path())
        .current_dir(home.path());
    built(&mut command);
    assert!(home.path().join("kbuild-out/hello.ko").exists());
    // Nothing changed, so nothing runs; without the sandbox it is another build.
    assert!(!built(&mut command).err().contains("CC [M]"));
}

#[test]
fn a_launcher_that_needs_more_than_the_sandbox_has_is_refused() {
    let dir = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    for (launcher, allow) in [("distcc", "`network`"), ("ccache", "`write=")] {
        let (_tools, path) = program_in_front(launcher, "exec \"$@\"");
        let cc = kernel_at(1).cc.unwrap_or_else(|| "gcc".to_owned());
        let mut command = Command::new(program());
        command
            .args(["build", "--sandbox", "--kernel"])
            .arg(&kernel_at(1).kdir)
            .arg(format!("--cc={launcher} {cc}"))
            .env("PATH", path)
            .current_dir(dir.path());
        let said = refused(&mut command, 2);
        assert!(said.contains(launcher) && said.contains(allow), "{said}");
        assert!(said.contains("--sandbox-allow"), "{said}");
    }
}
