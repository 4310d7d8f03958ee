//! The shortcut with each make, and with one job or several.

use std::fs;
use std::path::Path;

use kbuild_tests::{lab, plain, run, scope};

use super::{Cache, KBUILD, was_direct};
use crate::scene::{Scene, kernel_at, newest_kernel};
use crate::support::*;

/// A line of a makefile that writes the words and the environment of its make into a file.
fn dump(file: &Path) -> String {
    format!(
        "$(shell exec >>{}; cat /proc/$$PPID/cmdline | tr '\\0' ' '; echo; \
         cat /proc/$$PPID/environ | tr '\\0' '\\n' | sort)\n",
        file.display()
    )
}

/// PATH with this folder in front.
fn in_front(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// Plain make's modules, with this PATH and number of jobs.
fn plain_with(scene: &Scene, path: &str, jobs: &str) -> Modules {
    let source = scene.source.path();
    let scratch = tempfile::tempdir().unwrap();
    let copied = scratch.path().join("copy");
    copy(source, &copied);
    let mut make = plain::make(&scene.kernel, &copied, &copied, source);
    make.args([jobs, "modules"]).env("PATH", path);
    run::checked(&mut make, LIMIT).unwrap();
    modules(&copied)
}

type Modules = std::collections::BTreeMap<String, Vec<u8>>;

#[test]
fn a_newer_make_with_one_job_or_several_gives_the_bytes_of_plain_make() {
    let path = in_front(&lab::native_make().unwrap());
    let mut pairs = vec![(kernel_at(1), "-j1"), (newest_kernel(), "-j4")];
    if scope::is_full() {
        pairs.extend([(kernel_at(1), "-j4"), (newest_kernel(), "-j1")]);
    }
    for (kernel, jobs) in pairs {
        let what = format!("{} {jobs}", kernel.release);
        let cache = Cache::new();
        let mut scene = cache.hello(&kernel);
        scene.env.insert("PATH".to_owned(), path.clone());
        scene.args.push(jobs.to_owned());
        scene.build();
        assert!(!was_direct(scene.out.path()), "{what}");
        scene.edit("hello.c", "hello from", "hello again from");
        scene.build();
        assert!(was_direct(scene.out.path()), "{what}");
        let plain = plain_with(&scene, &path, jobs);
        assert_same_modules(&modules(scene.out.path()), &plain, &what);
    }
}

#[test]
fn with_one_job_the_makes_have_the_words_and_the_environment_that_kbuild_gives_them() {
    let native = lab::native_make().unwrap();
    let (kernel, folder) = (kernel_at(1), folder(&[]));
    for (number, path) in [in_front(&native), std::env::var("PATH").unwrap()]
        .into_iter()
        .enumerate()
    {
        let cache = Cache::new();
        let log = folder.path().join(number.to_string());
        let kbuild = format!("{KBUILD}{}", dump(&log));
        let mut scene = cache.tree(&kernel, &[("hello.c", HELLO), ("Kbuild", &kbuild)]);
        scene.env.insert("PATH".to_owned(), path);
        scene.args.push("-j1".to_owned());
        let logged = || {
            let text = fs::read_to_string(&log).unwrap();
            fs::remove_file(&log).unwrap();
            text
        };
        scene.build();
        let recorded = logged();
        assert!(recorded.contains(" -j1"), "{recorded}");
        scene.edit("hello.c", "hello from", "hello again from");
        scene.build();
        assert!(was_direct(scene.out.path()));
        assert_eq!(logged(), recorded);
    }
}
