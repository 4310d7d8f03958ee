use super::*;
use crate::fixture::Root;

const PEM: &str = include_str!("test.pem");

fn certificate(bytes: impl AsRef<[u8]>) -> Result<Certificate> {
    let root = Root::new();
    Certificate::read(&root.write("certificate", bytes))
}

#[test]
fn pem_and_der_are_the_same_certificate() {
    let pem = certificate(PEM).unwrap();
    let der = certificate(pem.der()).unwrap();
    assert_eq!(pem.der(), der.der());
    assert_eq!(pem.fingerprint(), der.fingerprint());
    assert!(der.is_der_file() && !pem.is_der_file());
    assert_eq!(pem.pem(), PEM);
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let both = certificate(format!("{key}{PEM}")).unwrap();
    assert_eq!(both.der(), der.der());
}

#[test]
fn the_fields_are_those_that_openssl_shows() {
    let found = certificate(PEM).unwrap();
    assert_eq!(found.name(), "A test of modules");
    assert_eq!(
        found.kernel_id(),
        "22dfcff3ee4d830cc60387728b3847ec93b8ae92"
    );
    let serial = "08c955ee4235c9c93f66eae27dcc8f7a9b219233";
    let shown: String = found.serial()[2..]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(shown, serial);
    assert!(!found.is_ml_dsa());
}

#[test]
fn a_damaged_certificate_is_refused_wherever_it_is_cut() {
    let der = certificate(PEM).unwrap().der().to_vec();
    for length in (0..der.len()).step_by(7) {
        let error = certificate(&der[..length]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{length}");
        let error = certificate(pem::encode("CERTIFICATE", &der[..length])).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{length}: {error}");
    }
    for at in 0..der.len().min(400) {
        let mut changed = der.clone();
        changed[at] ^= 0x55;
        // Whatever it is then, it is read or refused.
        let _ = certificate(&changed).map(|it| (it.name(), it.kernel_id(), it.is_ml_dsa()));
    }
    for other in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA"] {
        let said = certificate(other).unwrap_err().to_string();
        assert!(said.contains("is not a certificate"), "{said}");
    }
}
