//! A key on a token that OpenSSL reaches by its provider, as new systems do: OpenSSL 4 has no engines.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use kbuild_tests::{lab, run, scope};

use super::desk::Desk;
use crate::support::*;

const PIN: &str = "4926";
const URI: &str = "pkcs11:token=mok;object=signing;type=private";

/// A token with the desk's key `mok`.
struct Token {
    desk: Desk,
    /// The folder with `softhsm2-util` and `openssl`.
    bin: PathBuf,
    libraries: PathBuf,
}

impl Token {
    fn new() -> Token {
        let bin = lab::program("softhsm2-util").unwrap();
        let bin = bin.parent().unwrap().to_owned();
        let libraries = bin.with_file_name("usr/lib/x86_64-linux-gnu");
        let token = Token {
            desk: Desk::new(),
            bin,
            libraries,
        };
        let desk = &token.desk;
        fs::create_dir(desk.path("tokens")).unwrap();
        let module = token.libraries.join("softhsm/libsofthsm2.so");
        // SoftHSM uses OpenSSL itself, and crashes if it is told to end.
        let conf = format!(
            "openssl_conf = openssl\n[openssl]\nproviders = providers\n\
             [providers]\ndefault = default_provider\npkcs11 = pkcs11_provider\n[default_provider]\nactivate = 1\n\
             [pkcs11_provider]\nmodule = {}\npkcs11-module-path = {}\npkcs11-module-quirks = no-deinit\n",
            token.libraries.join("ossl-modules/pkcs11.so").display(),
            module.display()
        );
        let tokens = format!("directories.tokendir = {}\n", desk.path("tokens").display());
        write(
            desk.folder.path(),
            &[("openssl.cnf", &conf), ("softhsm2.conf", &tokens)],
        );
        desk.openssl("pkcs8 -topk8 -nocrypt -in mok.key -out pkcs8.key");
        for line in [
            format!("--init-token --free --label mok --so-pin 9876 --pin {PIN}"),
            format!("--import pkcs8.key --token mok --label signing --id a1 --pin {PIN}"),
        ] {
            let mut util = Command::new(token.bin.join("softhsm2-util"));
            util.arg("--module").arg(&module).args(line.split(' '));
            // It uses OpenSSL itself, which must not reach back for the token.
            let util = token.set(&mut util).env_remove("OPENSSL_CONF");
            run::checked(util, LIMIT).unwrap();
        }
        token
    }

    fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = std::env::var("PATH").unwrap();
        command
            .current_dir(self.desk.folder.path())
            .env("PATH", format!("{}:{path}", self.bin.display()))
            .env("SOFTHSM2_CONF", self.desk.path("softhsm2.conf"))
            .env("OPENSSL_CONF", self.desk.path("openssl.cnf"))
            .env("KBUILD_SIGN_PIN", PIN)
    }
}

#[test]
fn a_key_behind_the_provider_signs_with_the_same_bytes_and_its_pin_is_not_told() {
    if !scope::is_full() {
        return;
    }
    let token = Token::new();
    let desk = &token.desk;
    built(&mut desk.sign("hello.ko --key mok.key --cert mok.pem --output expected.ko"));
    let line = format!("hello.ko --key {URI} --cert mok.pem --output signed.ko");
    let output = built(token.set(&mut desk.sign(&line)));
    assert!(desk.read("signed.ko") == desk.read("expected.ko"));
    let said = [output.out(), output.err()].concat();
    assert!(said.contains(URI) && !said.contains(PIN), "{said}");

    // Another key's certificate, and a wrong PIN.
    let line = format!("hello.ko --key {URI} --cert other.pem");
    let said = refused(token.set(&mut desk.sign(&line)), 2);
    assert!(said.contains("other.pem"), "{said}");
    let line = format!("hello.ko --key {URI} --cert mok.pem");
    let mut wrong = desk.sign(&line);
    let said = refused(token.set(&mut wrong).env("KBUILD_SIGN_PIN", "7531"), 1);
    assert!(said.contains("A token counts wrong PINs"), "{said}");
    assert!(!said.contains("7531"), "{said}");
}

/// Without a configuration SoftHSM may fail at openssl's end, but nothing waits forever.
#[test]
fn a_provider_that_uses_openssl_itself_does_not_hang() {
    if !scope::is_full() {
        return;
    }
    let token = Token::new();
    let line = format!("hello.ko --key {URI} --cert mok.pem");
    let mut sign = token.desk.sign(&line);
    token
        .set(&mut sign)
        .env_remove("OPENSSL_CONF")
        .env("OPENSSL_MODULES", token.libraries.join("ossl-modules"))
        .env(
            "PKCS11_PROVIDER_MODULE",
            token.libraries.join("softhsm/libsofthsm2.so"),
        );
    let limits = kbuild_tests::Limits::wall(std::time::Duration::from_secs(240));
    run::run(&mut sign, limits).unwrap();
}
