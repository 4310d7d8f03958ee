//! examples/cmake-sdk with its presets: installed into a root image, which is booted.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kbuild_tests::lab::{self, LabKernel, packages};
use kbuild_tests::scope;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::project::*;
use crate::support::project::root;
use crate::support::*;

/// The commands of a user who has the image on a machine.
const SCRIPT: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
PATH=$PATH:/usr/local/bin
depmod || fail depmod
station-tool && fail 'there is a device without a module'
modprobe station || fail 'modprobe station'
modprobe station_led ticks_on=2 || fail 'modprobe station_led'
station-tool || fail station-tool
echo -1500 > /sys/module/station_bus/parameters/first
station-tool 0 || fail 'station-tool 0'
station-tool 4 && fail 'there is a fifth sensor'
modprobe -r station station_led || fail 'modprobe -r'
grep station /proc/modules && fail 'still loaded'
exit 0
"#;

/// The output of the tool.
const SAYS: [&str; 3] = [
    "station 1.2.0, 4 channels\n0: 20.500\n1: 21.500\n2: 22.500\n3: 23.500\n",
    "0: -1.500\n",
    "station-tool: channel 4: No such device or address\n",
];

/// The SDK, built by a preset and installed.
struct Sdk {
    image: TempDir,
}

impl Sdk {
    /// Presets name the build folder. The program is linked statically, because the guest has no C
    /// library.
    fn built(with: With, preset: &str, kdir: &Path, more: &[&str]) -> Sdk {
        let project = Project::new(with, &[]);
        copy(&root().join("examples/cmake-sdk/."), &project.source());
        let before = Snapshot::take(project.source()).unwrap();
        let prefix = project.install_package();
        let cmake = |arguments: &[&str]| {
            let mut command = project.cmake();
            command
                .current_dir(project.source())
                .env("CMAKE_PREFIX_PATH", &prefix)
                .env("CMAKE_GENERATOR", with.generator);
            built(command.args(arguments)).out()
        };
        let kdir = format!("-DKDIR={}", kdir.display());
        let program = format!("-DKbuild_EXECUTABLE={}", program().display());
        let configure = ["--preset", preset, &*kdir, &*program];
        cmake(&[&configure[..], &["-DCMAKE_EXE_LINKER_FLAGS=-static"], more].concat());
        cmake(&["--build", "--preset", preset, "-j2"]);
        let again = cmake(&["--build", "--preset", preset]);
        assert!(!again.contains("Building"), "{again}");
        let image = tempfile::tempdir().unwrap();
        let mut install = project.cmake();
        install.env("DESTDIR", image.path()).arg("--install");
        built(install.arg(project.source().join("build").join(preset)));
        let mut changed = before.differences(&Snapshot::take(project.source()).unwrap());
        // The presets build in this folder.
        changed.retain(|line| !line.starts_with("\"build") && !line.starts_with("the directory"));
        assert_eq!(changed, [""; 0]);
        Sdk { image }
    }

    fn modules(&self, release: &str) -> PathBuf {
        let lib = self.image.path().join("lib/modules");
        lib.join(release).join("updates")
    }

    fn works_in(&self, kernel: &LabKernel) {
        let guest = kernel.guest().unwrap();
        let guest = guest
            .tree(self.image.path())
            .script(SCRIPT)
            .timeout(Duration::from_secs(180));
        let console = guest.run().unwrap();
        let about = format!("{}: {console:#?}", kernel.release);
        assert!(console.ok, "{about}");
        for text in SAYS {
            assert!(console.text.contains(text), "no `{text}`: {about}");
        }
        let log = "station_led: the light blinks as 0x03";
        assert!(console.log.contains(log), "{about}");
    }
}

const MODULES: [&str; 3] = ["station.ko", "station_bus.ko", "station_led.ko"];

#[test]
fn the_sdk_is_installed_into_an_image_and_works_in_the_kernel_that_it_was_built_for() {
    for kernel in scope::kernels(1).unwrap() {
        let cc = kernel.cc.as_deref().unwrap_or_default();
        let cc = format!("-DKbuild_CC={cc}");
        let sdk = Sdk::built(CORNERS[0], "native", &kernel.kdir, &[&cc]);
        assert_eq!(installed(&sdk.modules(&kernel.release)), MODULES);
        let prefix = sdk.image.path().join("usr/local");
        let headers = files(&prefix.join("include/station"));
        assert_eq!(headers, ["abi.h", "bus.h", "client.h", "version.h"]);
        let symvers = prefix.join("share/station/station_bus.symvers");
        let symvers = fs::read_to_string(symvers).unwrap();
        assert!(symvers.contains("\tstation_bus_read\t"), "{symvers}");
        sdk.works_in(&kernel);
    }
}

#[test]
fn the_sdk_for_arm64_is_another_preset() {
    if !lab::has_arm64() {
        println!("not run: the lab has a tree for arm64 on Debian only");
        return;
    }
    let prepared = lab::arm64().unwrap();
    packages::install(&["libc6-dev-arm64-cross"]).unwrap();
    // A tree that is only prepared is made quickly. Loading the module needs the whole kernel.
    let kernel = scope::is_full().then(|| lab::kernel("7.3-arm64").unwrap());
    let (kdir, release, more) = match &kernel {
        Some(kernel) => (&kernel.kdir, &kernel.release, &[][..]),
        None => (
            &prepared.kdir,
            &prepared.release,
            &["-DKbuild_MISSING_SYMVERS=warn"][..],
        ),
    };
    let sdk = Sdk::built(CORNERS[1], "arm64", kdir, more);
    let modules = sdk.modules(release);
    assert_eq!(installed(&modules), MODULES);
    let tool = sdk.image.path().join("usr/local/bin/station-tool");
    for file in MODULES.map(|name| modules.join(name)).iter().chain([&tool]) {
        // e_machine of the ELF header is EM_AARCH64.
        let bytes = fs::read(file).unwrap();
        assert_eq!(bytes[18..20], 183_u16.to_le_bytes(), "{}", file.display());
    }
    if let Some(kernel) = &kernel {
        sdk.works_in(kernel);
    }
}
