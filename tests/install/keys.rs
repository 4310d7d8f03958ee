//! A key that signs modules, and firmware that has its certificate in `db`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use kbuild_tests::{lab, run};
use kbuild_vm::Firmware;
use tempfile::TempDir;

/// A key, its certificate, and the firmware's variables: for this run only.
pub(crate) struct Keys(TempDir);

impl Keys {
    /// Made once.
    pub(crate) fn get() -> &'static Keys {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        KEYS.get_or_init(|| {
            let keys = Keys(tempfile::tempdir().unwrap());
            let mut openssl = Command::new("openssl");
            openssl
                .args(["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes"])
                .args(["-days", "100", "-subj", "/CN=kbuild-rs tests"])
                .args(["-addext", "keyUsage=digitalSignature"])
                .args(["-addext", "extendedKeyUsage=codeSigning", "-keyout"])
                .arg(keys.key())
                .arg("-out")
                .arg(keys.certificate());
            run::checked(&mut openssl, Duration::from_secs(60)).unwrap();
            keys
        })
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.0.path().join("key.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.0.path().join("certificate.pem")
    }

    /// Firmware through which a kernel trusts the certificate.
    pub(crate) fn firmware(&self) -> Firmware {
        static FIRMWARE: OnceLock<Firmware> = OnceLock::new();
        let variables = self.0.path().join("variables.fd");
        let made = || lab::firmware(&self.certificate(), variables).unwrap();
        FIRMWARE.get_or_init(made).clone()
    }
}
