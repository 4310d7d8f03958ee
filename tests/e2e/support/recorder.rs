//! A slow compiler that records when it begins and ends, so the number of compilers at once does
//! not depend on the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use kbuild_tests::lab::LabKernel;
use tempfile::TempDir;

use super::folder;

/// Writing with `>>` is atomic for so few bytes. Only `part0.o` to `part9.o` are recorded.
const RECORDING: &str = "#!/bin/sh\n\
    case \" $* \" in\n\
    *\" -c \"*part[0-9].o*) ;;\n\
    *) exec REAL \"$@\" ;;\n\
    esac\n\
    echo begin >> LOG\nsleep TIME\nREAL \"$@\"\ncode=$?\necho end >> LOG\nexit $code\n";

pub(crate) struct Recorder {
    dir: TempDir,
}

impl Recorder {
    /// A recorder in front of the compiler for this kernel.
    pub(crate) fn of(kernel: &LabKernel) -> Recorder {
        Recorder::with(kernel.cc.as_deref().unwrap_or("gcc-12"), "0.3")
    }

    /// A recorder in front of `real`. Each object takes this many seconds longer.
    pub(crate) fn with(real: &str, seconds: &str) -> Recorder {
        let recorder = Recorder { dir: folder(&[]) };
        let script = RECORDING
            .replace("REAL", real)
            .replace("TIME", seconds)
            .replace("LOG", recorder.log().to_str().unwrap());
        fs::write(recorder.compiler(), script).unwrap();
        fs::set_permissions(recorder.compiler(), fs::Permissions::from_mode(0o755)).unwrap();
        recorder.forget();
        recorder
    }

    pub(crate) fn compiler(&self) -> PathBuf {
        self.dir.path().join("recording-gcc")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Starts a new record.
    pub(crate) fn forget(&self) {
        fs::write(self.log(), "").unwrap();
    }

    fn events(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }

    /// The number of compilers that have begun.
    pub(crate) fn begun(&self) -> usize {
        self.events().lines().filter(|l| *l == "begin").count()
    }

    /// The largest number of compilers at the same time, for `objects` in all.
    pub(crate) fn peak(&self, objects: usize) -> usize {
        let events = self.events();
        assert_eq!(events.lines().count(), 2 * objects, "{events}");
        let (mut now, mut most) = (0_usize, 0);
        for event in events.lines() {
            if event == "begin" {
                now += 1;
                most = most.max(now);
            } else {
                now -= 1;
            }
        }
        most
    }
}
