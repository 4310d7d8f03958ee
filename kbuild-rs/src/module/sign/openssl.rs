//! `openssl`: keys, digests, PKCS#7 messages.
//!
//! A passphrase or a PIN reaches it as `env:KBUILD_SIGN_PIN`: the command line has the name only.

use std::ffi::OsStr;
use std::process::Command;

use super::certificate::Certificate;
use super::key::{Key, PIN, has_pin};
use super::run::{Failed, Scratch, run};
use crate::error::Advice;
use crate::kernel::install_command;
use crate::sys::limit_behind;
use crate::{Error, ErrorKind, Result};

/// The way in which OpenSSL reaches a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    File,
    /// A provider, from OpenSSL 3.0 on.
    Provider,
    /// An engine, up to OpenSSL 3.
    Engine,
}

/// The default provider comes first, because a token that uses OpenSSL itself (SoftHSM) would wait for
/// its own key otherwise, and openssl never end.
const PROVIDER: [&str; 4] = ["-provider", "default", "-provider", "pkcs11"];
const ENGINE: [&str; 2] = ["-engine", "pkcs11"];

/// A command that opens a key.
fn openssl_with_pin(verb: &str) -> Command {
    let mut command = Command::new("openssl");
    command.arg(verb);
    command
}

/// A command that has nothing to do with secrets.
fn openssl(verb: &str) -> Command {
    let mut command = openssl_with_pin(verb);
    command.env_remove(PIN);
    command
}

impl Access {
    /// Asks OpenSSL which of its ways to a token is installed. None of these tries logs in: a token
    /// counts wrong PINs.
    pub(super) fn to(key: &Key) -> Result<Access> {
        if let Key::File(..) = key {
            return Ok(Access::File);
        }
        let provider = run(openssl("list").arg("-providers").args(PROVIDER));
        if let Err(Failed::Start(error)) = provider {
            return Err(missing(error));
        }
        let is_active = |out: Vec<u8>| String::from_utf8_lossy(&out).contains("pkcs11");
        if provider.is_ok_and(is_active) {
            return Ok(Access::Provider);
        }
        if run(openssl("engine").arg("pkcs11")).is_ok() {
            return Ok(Access::Engine);
        }
        let (text, advice) = install_command("missing-pkcs11", "libengine-pkcs11-openssl");
        Err(Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "openssl cannot use keys on tokens ({}): it has neither the provider nor the engine \
                 pkcs11. Install one of them:\n    {text}",
                key.shown()
            ),
        )
        .advise(advice))
    }

    /// Adds the key to a command: `names` has the flags for the key and for its form.
    fn add(self, command: &mut Command, key: &Key, [flag, form]: [&str; 2]) {
        match self {
            Access::File => {}
            Access::Provider => drop(command.args(PROVIDER)),
            Access::Engine => drop(command.args(ENGINE).args([form, "engine"])),
        }
        command.arg(flag).arg(key.argument());
        if has_pin() {
            command.args(["-passin", &format!("env:{PIN}")]);
        } else if self == Access::File {
            // Else it would ask on the terminal.
            command.args(["-passin", "pass:"]);
        }
    }
}

/// The public half of a key: `SubjectPublicKeyInfo`, in DER.
pub(super) fn public_key(key: &Key, access: Access) -> Result<Vec<u8>> {
    let mut command = openssl_with_pin("pkey");
    access.add(&mut command, key, ["-in", "-inform"]);
    run(command.args(["-pubout", "-outform", "DER"])).map_err(|failed| {
        let said = failed.in_words();
        let why = match (key, has_pin()) {
            (Key::File(..), true) if said.contains("bad decrypt") || said.contains("password") => {
                format!("{PIN} is not its passphrase")
            }
            (Key::Token(_), true) => {
                format!("check the URI, and the PIN in {PIN}. A token counts wrong PINs")
            }
            (Key::Token(_), false) => format!("check the URI. If the token has a PIN, set {PIN}"),
            _ => "it is not a private key in PEM or DER".to_owned(),
        };
        let what = format!("openssl cannot open the key {}: {why}", key.shown());
        failure(what, failed, "unusable-key")
    })
}

/// The detached PKCS#7 message about a file, as `scripts/sign-file` makes it.
pub(super) fn sign(
    scratch: &Scratch,
    (key, access): (&Key, Access),
    (certificate, hash): (&OsStr, &str),
    is_ml_dsa: bool,
) -> Result<Vec<u8>, Failed> {
    let command = |attributes: &[&str]| {
        let mut command = openssl_with_pin("cms");
        command
            .args(["-sign", "-binary", "-nocerts", "-nosmimecap"])
            .args(attributes)
            .args(["-md", hash, "-outform", "DER", "-signer"])
            .arg(certificate)
            .arg("-in")
            .arg(scratch.path(super::MODULE));
        access.add(&mut command, key, ["-inkey", "-keyform"]);
        run(&mut command)
    };
    command(&["-noattr"]).or_else(|first| match is_ml_dsa {
        // Up to OpenSSL 3, ML-DSA only signs attributes. sign-file leaves the time out where it can.
        true => command(&["-no_signing_time"])
            .or_else(|_| command(&[]))
            .map_err(|_| first),
        false => Err(first),
    })
}

/// Fails unless the message is a signature of the file by the key of this certificate.
pub(super) fn verify(scratch: &Scratch, message: &[u8], certificate: &OsStr) -> Result<(), Failed> {
    let written = scratch.file("message", message);
    let message = written.map_err(|error| Failed::Exit(error.to_string()))?;
    let mut command = openssl("cms");
    command
        .args(["-verify", "-binary", "-inform", "DER", "-in"])
        .arg(message)
        .arg("-content")
        .arg(scratch.path(super::MODULE))
        // The kernel compares keys, not chains, dates or purposes.
        .args(["-noverify", "-nointern", "-certfile"])
        .arg(certificate)
        .args(["-out", "/dev/null"]);
    run(&mut command).map(drop)
}

/// The digest of a file.
pub(super) fn digest(scratch: &Scratch, hash: &str) -> Result<Vec<u8>> {
    let mut command = openssl("dgst");
    command
        .args([&format!("-{hash}"), "-binary"])
        .arg(scratch.path(super::MODULE));
    run(&mut command).map_err(|failed| {
        let what = format!("openssl cannot compute the hash {hash}");
        failure(what, failed, "unknown-hash")
    })
}

/// The object identifier with this name, as an element of DER; `None` if OpenSSL does not know it.
pub(super) fn object_identifier(scratch: &Scratch, name: &str) -> Option<Vec<u8>> {
    let out = scratch.path("object");
    let mut command = openssl("asn1parse");
    command.args(["-genstr", &format!("OID:{name}"), "-noout", "-out"]);
    run(command.arg(&out)).ok()?;
    scratch.read(&out).ok()?
}

/// The error about an OpenSSL that failed.
pub(super) fn failure(what: String, failed: Failed, code: &'static str) -> Error {
    match failed {
        Failed::Start(error) => missing(error),
        Failed::Exit(said) => {
            let advice = Advice::new(code, what.clone());
            Error::new(ErrorKind::SigningFailed, format!("{what}:\n{said}")).advise(advice)
        }
    }
}

fn missing(error: std::io::Error) -> Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        let limit = limit_behind(&error).unwrap_or_default();
        return Error::of_system(format!("cannot start openssl: {error}{limit}"), error);
    }
    let (text, advice) = install_command("missing-openssl", "openssl");
    Error::new(
        ErrorKind::ToolNotFound,
        format!("signing needs the program openssl, which is not in PATH. Install it:\n    {text}"),
    )
    .advise(advice)
}

/// Fails unless the key is the one of the certificate.
pub(super) fn check_pair(key: &Key, access: Access, certificate: &Certificate) -> Result<()> {
    if public_key(key, access)? == certificate.public_key() {
        return Ok(());
    }
    let advice = "name the certificate that was made for this key";
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!(
            "the key {} does not belong to the certificate {} ({}): their public keys differ. Name \
             the certificate that was made for this key (--cert), or its key (--key)",
            key.shown(),
            certificate.path().display(),
            certificate.name()
        ),
    )
    .advise(Advice::new("key-of-other-certificate", advice)))
}
