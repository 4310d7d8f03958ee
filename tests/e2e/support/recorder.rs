//! A compiler that takes its time and writes down when it begins and when it ends, so that how
//! many run at once shows whatever the machine does.

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
    /// In front of the compiler that this kernel is built against with.
    pub(crate) fn of(kernel: &LabKernel) -> Recorder {
        Recorder::with(kernel.cc.as_deref().unwrap_or("gcc-12"), "0.3")
    }

    /// In front of `real`; each object takes so many seconds longer.
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

    /// Begins anew.
    pub(crate) fn forget(&self) {
        fs::write(self.log(), "").unwrap();
    }

    fn events(&self) -> String {
        fs::read_to_string(self.log()).unwrap()
    }

    /// How many have begun.
    pub(crate) fn begun(&self) -> usize {
        self.events().lines().filter(|l| *l == "begin").count()
    }

    /// How many were under way at the same time, at most, of `objects` in all.
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
