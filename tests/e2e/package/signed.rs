//! Signatures of packed modules.

use std::fs;
use std::process::Command;

use kbuild_tests::{root, run};

use super::modules::{Modules, extracted, text};
use crate::support::*;

#[test]
fn a_signature_comes_after_strip_and_is_not_lost() {
    let modules = Modules::new();
    let folder = modules.scratch.path();
    let mut key = Command::new("openssl");
    key.args([
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x",
    ]);
    key.args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(folder);
    run::checked(&mut key, LIMIT).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (key, cert) = (file("key.pem"), file("cert.pem"));
    let kernel = modules.kernel.kdir.to_str().unwrap().to_owned();
    let args = [
        "--kernel", &kernel, "--strip", "--key", &key, "--cert", &cert,
    ];
    let [tar] = &modules.packed("tar", &args)[..] else {
        panic!("one package was asked for");
    };
    let packed = extracted(tar);
    let file = modules.installed("user");
    let module = folder.join(&file);
    fs::write(&module, &packed[&file]).unwrap();
    let described = text(Command::new(program()).arg("info").arg(&module));
    assert!(described.contains("  signed      yes\n"), "{described}");
    let sizes = |name: &str| fs::metadata(modules.folder().join(name)).unwrap().len();
    let unpacked = root::unpacked(&module).unwrap().len() as u64;
    assert!(unpacked < sizes("user.ko"), "{unpacked}");

    // A module that is signed keeps its signature, or the call fails.
    for name in ["user.ko", "ring.ko"] {
        let mut sign = Command::new(program());
        sign.arg("sign").arg(modules.folder().join(name));
        sign.args(["--kernel", &kernel, "--key", &key, "--cert", &cert]);
        run::checked(&mut sign, LIMIT).unwrap();
    }
    let said = refused(
        &mut modules.package("tar", &["--kernel", &kernel, "--strip"]),
        2,
    );
    assert!(
        said.contains("is signed, and strip removes the signature"),
        "{said}"
    );
    let [tar] = &modules.packed("tar", &["--kernel", &kernel, "--compress", "none"])[..] else {
        panic!("one package was asked for");
    };
    let signed = fs::read(modules.folder().join("user.ko")).unwrap();
    assert!(extracted(tar)["user.ko"] == signed);
}
