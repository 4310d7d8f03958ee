use super::*;
use crate::fixture::Root;
use crate::kernel::Config;

fn target(config: &str) -> Target {
    Target {
        release: "6.1.0".to_owned(),
        config: Some(Config::parse(config.to_owned())),
        tree: None,
    }
}

const CHECKS: &str = "CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_HASH=\"sha256\"\n";
const FORCES: &str = "CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_FORCE=y\n";

/// A machine: files below `/`.
fn machine(files: &[(&str, &[u8])]) -> (Root, System) {
    let root = Root::new();
    for (path, text) in files {
        root.write(path, text);
    }
    let system = System::at(root.path());
    (root, system)
}

fn enforcing() -> (&'static str, &'static [u8]) {
    ("sys/module/module/parameters/sig_enforce", b"Y\n")
}

fn signer() -> Signer {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/module/sign/certificate/test.pem");
    Signer {
        key: super::super::Key::Token("pkcs11:object=test".to_owned()),
        access: super::super::Access::Engine,
        certificate: Certificate::read(&path).unwrap(),
        hash: None,
        origin: None,
    }
}

fn said(checked: Result<Option<Advice>>) -> (String, String) {
    match checked {
        Ok(None) => Default::default(),
        Ok(Some(advice)) => (advice.code().to_owned(), advice.text().to_owned()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::SignatureRequired);
            let code = error.advice()[0].code();
            (format!("error {code}"), error.to_string())
        }
    }
}

#[test]
fn unsigned_modules_are_refused_for_a_kernel_that_enforces_signatures() {
    let (_root, lax) = machine(&[
        ("sys/module/module/parameters/sig_enforce", b"N\n"),
        (
            "sys/kernel/security/lockdown",
            b"[none] integrity confidentiality\n",
        ),
    ]);
    let (_root, strict) = machine(&[enforcing()]);
    let level = b"none [integrity] confidentiality\n";
    let (_root, locked) = machine(&[("sys/kernel/security/lockdown", level)]);
    for (config, system, wanted) in [
        (CHECKS, None, ""),
        (CHECKS, Some(&lax), ""),
        (FORCES, None, "CONFIG_MODULE_SIG_FORCE"),
        (FORCES, Some(&lax), "CONFIG_MODULE_SIG_FORCE"),
        (CHECKS, Some(&strict), "module.sig_enforce"),
        (CHECKS, Some(&locked), "lockdown: integrity"),
        // It checks nothing, whatever the machine is like.
        ("CONFIG_MODULES=y\n", Some(&strict), ""),
    ] {
        let (code, text) = said(check(&target(config), system, None));
        match wanted {
            "" => assert_eq!(code, "", "{config}: {text}"),
            reason => {
                assert_eq!(code, "error unsigned-modules", "{config}");
                assert!(
                    text.contains(reason) && text.contains("\n    --unsigned"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn a_certificate_that_the_running_kernel_does_not_know_is_refused() {
    let other =
        b"13a7c2ab I------     1 perm 1f030000     0     0 asymmetri A: aabb: X509.rsa aabb []\n";
    let running = ("proc/sys/kernel/osrelease", &b"6.1.0\n"[..]);
    let uefi = ("sys/firmware/efi/fw_platform_size", &b"64\n"[..]);
    let signer = signer();
    let id = signer.certificate.kernel_id();
    let own = format!("23a7c2ab I--- 1 perm 1f030000 0 0 asymmetri CN: {id}: X509.rsa 00 []\n");
    let own = [&other[..], own.as_bytes()].concat();
    let check = |files: &[(&str, &[u8])]| {
        let (_root, system) = machine(&[&[enforcing()], files].concat());
        said(check(&target(CHECKS), Some(&system), Some(&signer)))
    };
    let (code, text) = check(&[running, uefi, ("proc/keys", other)]);
    assert_eq!(code, "error certificate-not-enrolled");
    assert!(text.contains("\n    mokutil --import "), "{text}");
    assert!(text.contains("-outform DER -out "), "{text}");
    let (code, text) = check(&[running, ("proc/keys", other)]);
    assert_eq!(code, "error certificate-not-enrolled");
    assert!(text.contains("CONFIG_SYSTEM_TRUSTED_KEYS"), "{text}");
    assert_eq!(check(&[running, ("proc/keys", &own)]).0, "");
    // Nothing is visible, or another kernel runs.
    assert_eq!(check(&[running]).0, "unknown-certificate");
    assert_eq!(check(&[("proc/keys", other)]).0, "unknown-certificate");
}

#[test]
fn certificates_of_the_firmware_and_those_that_wait_are_found() {
    let signer = signer();
    let der = signer.certificate.der();
    let size = |extra: usize| u32::try_from(der.len() + extra).unwrap().to_le_bytes();
    let list = [
        &[7, 0, 0, 0][..],
        b"\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72",
        &size(44),
        &[0; 4],
        &size(16),
        &[1; 16],
        der,
    ];
    let list = list.concat();
    for (name, wanted) in [
        ("MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23", ""),
        ("db-d719b2cb-3d3a-4596-a3bc-dad00e67656f", ""),
        (
            "MokNew-605dab50-e046-4300-abb6-3dd810dd8b23",
            "certificate-not-enrolled",
        ),
        (
            "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f",
            "unknown-certificate",
        ),
    ] {
        let path = format!("sys/firmware/efi/efivars/{name}");
        let (_root, system) = machine(&[enforcing(), (&path, &list)]);
        let (code, _) = said(check(&target(CHECKS), Some(&system), Some(&signer)));
        assert_eq!(code, wanted, "{name}");
    }
}

#[test]
fn a_certificate_in_another_root_gets_a_warning() {
    let (code, text) = said(check(&target(FORCES), None, Some(&signer())));
    assert_eq!(code, "unknown-certificate");
    assert!(text.contains("cannot see whether it knows"), "{text}");
    assert_eq!(said(check(&target(CHECKS), None, Some(&signer()))).0, "");
}
