use super::super::der::{element, tag};
use super::*;
use crate::fixture::Root;
use crate::kernel::Kernel;
use crate::sys::Image;

const SHA256: &[u8] = DIGESTS[1].0;
const ML_DSA: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A message of an unknown key.
fn message(digest: &[u8], attributes: &[u8], algorithm: &[u8], content: &[u8]) -> Vec<u8> {
    let object = |name: &[u8]| element(tag::OBJECT, &[name]);
    let version = element(tag::INTEGER, &[&[1]]);
    let name = element(tag::SEQUENCE, &[&element(tag::SEQUENCE, &[]), &version]);
    let digest = element(tag::SEQUENCE, &[&object(digest)]);
    let algorithm = element(tag::SEQUENCE, &[&object(algorithm)]);
    let value = element(tag::OCTET_STRING, &[b"signature"]);
    let signer = [&version, &name, &digest, attributes, &algorithm, &value].concat();
    let signers = element(tag::SET, &[&element(tag::SEQUENCE, &[&signer])]);
    let data = object(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]);
    let content = element(tag::SEQUENCE, &[&data, content]);
    let data = [version, element(tag::SET, &[]), content, signers].concat();
    let data = element(tag::explicit(0), &[&element(tag::SEQUENCE, &[&data])]);
    let kind = object(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02]);
    element(tag::SEQUENCE, &[&kind, &data])
}

fn standing(config: &str, module: &[u8]) -> Standing {
    let root = Root::new();
    let tree = root.kernel_with("tree", "6.16.0-x", "x86", config);
    let image = Image::open(&root.create_dir("image")).unwrap();
    let target = Target::of_tree(&image, Kernel::open(&tree).unwrap()).unwrap();
    let verifier = Verifier::new(&[], Some(&target), &root.join("image")).unwrap();
    verifier.standing(module)
}

fn signed(message: &[u8]) -> Vec<u8> {
    trailer::append(b"module", message).unwrap()
}

#[test]
fn the_form_of_a_signature_decides_before_its_key() {
    let config = "CONFIG_MODULES=y\nCONFIG_CRYPTO_SHA256=y\n";
    let attributes = element(tag::explicit(0), &[b""]);
    let content = element(tag::explicit(0), &[&element(tag::OCTET_STRING, &[b"x"])]);
    let good = signed(&message(SHA256, b"", RSA, b""));
    let of = |module: &[u8]| standing(config, module);
    assert!(matches!(of(&good), Standing::Unclear(what) if what.contains("the key of")));
    let authattrs = Standing::Refused("Invalid module sig (has authattrs)");
    assert_eq!(
        of(&signed(&message(SHA256, &attributes, RSA, b""))),
        authattrs
    );
    let inside = of(&signed(&message(SHA256, b"", RSA, &content)));
    assert_eq!(
        inside,
        Standing::Refused("PKCS#7 signature with non-detached data")
    );
    // Kernels may accept these of ML-DSA.
    let of_ml_dsa = signed(&message(SHA256, &attributes, ML_DSA, b""));
    assert_eq!(of(&of_ml_dsa), authattrs);
    let waives = format!("{config}CONFIG_PKCS7_WAIVE_AUTHATTRS_REJECTION_FOR_MLDSA=y\n");
    assert!(matches!(
        standing(&waives, &of_ml_dsa),
        Standing::Unclear(_)
    ));

    let place = good.len() - crate::module::modinfo::SIGNATURE.len() - 12;
    let with = |at: usize, value: u8| {
        let mut module = good.clone();
        module[place + at] = value;
        of(&module)
    };
    assert_eq!(with(2, 1), Standing::Unsupported);
    for at in [0, 1, 3, 4, 5, 6, 7] {
        assert!(matches!(with(at, 1), Standing::Refused(_)), "{at}");
    }
    assert!(matches!(with(8, 1), Standing::Damaged(_)));
    assert!(matches!(of(&signed(b"none")), Standing::Damaged(_)));
    assert!(matches!(of(&signed(b"\x30\x80")), Standing::Unverified(_)));
    assert_eq!(of(b"module"), Standing::Unsigned);
}

#[test]
fn a_digest_that_the_kernel_may_not_have_is_unclear() {
    let module = signed(&message(SHA256, b"", RSA, b""));
    let Standing::Unclear(what) = standing("CONFIG_MODULES=y\n", &module) else {
        panic!("{:?}", standing("CONFIG_MODULES=y\n", &module));
    };
    assert!(what.contains("CONFIG_CRYPTO_SHA256 is off"), "{what}");
    let module = signed(&message(b"other", b"", RSA, b""));
    let found = standing("CONFIG_MODULES=y\n", &module);
    assert!(matches!(found, Standing::Unclear(what) if what.contains("knows the digest")));
}

#[test]
fn only_a_comparison_of_openssl_rejects_a_signature() {
    let compared = "CMS Verification failure\n40:error:02000068:rsa routines:ossl_rsa_verify:bad \
        signature:../crypto/rsa/rsa_sign.c:429:\n40:error:1700009E:CMS \
        routines:CMS_SignerInfo_verify_content:verification failure:../crypto/cms/cms_sd.c:1026:";
    assert!(is_rejection(compared));
    let unknown = "CMS Verification failure\n40:error:0308010C:digital envelope \
        routines:inner_evp_generic_fetch:unsupported:../crypto/evp/evp_fetch.c:386:\n40:error:17000095:CMS \
        routines:ossl_cms_DigestAlgorithm_init_bio:unknown digest algorithm:../crypto/cms/cms_lib.c:415:";
    assert!(!is_rejection(unknown));
    assert!(!is_rejection("openssl: not found"));
}

#[test]
fn this_machine_speaks_for_its_own_kernel_and_root_only() {
    let here = System::here().line("proc/sys/kernel/osrelease");
    let root = Root::new();
    let tree = root.kernel_with("tree", &here, "x86", "CONFIG_MODULES=y\n");
    let image = root.create_dir("image");
    let opened = Image::open(&image).unwrap();
    let mut target = Target::of_tree(&opened, Kernel::open(&tree).unwrap()).unwrap();
    assert!(running(&target, Path::new("/")).is_some());
    assert!(running(&target, Path::new("/usr/..")).is_some());
    assert!(running(&target, &image).is_none());
    target.release.push_str("-other");
    assert!(running(&target, Path::new("/")).is_none());
}
