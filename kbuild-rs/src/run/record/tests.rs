use super::text::parse;
use super::*;
use crate::fixture::Root;
use crate::sys::Writer;

const CONFIG: [&[u8]; 2] = [b"CC=gcc\n12 %", b"A=1"];

fn config() -> Vec<Vec<u8>> {
    CONFIG.map(<[u8]>::to_vec).into()
}

fn record(file: &Path) -> Record {
    let id = Identity::of(file).unwrap();
    Record {
        config: Salted::of(&config()),
        boot: boot_id(),
        succeeded: true,
        prerequisites: [Class::Whole, Class::Targets, Class::Symvers, Class::Make]
            .map(|class| match class {
                Class::Symvers => seen_symvers(file.to_owned(), file).unwrap(),
                _ => Prerequisite {
                    class,
                    path: file.to_owned(),
                    id: Some(id.clone()),
                },
            })
            .into(),
        products: vec![Product::at(file, Some("hello")).unwrap()],
        others: vec![Product::at(file, None).unwrap()],
        targets: vec![Product {
            path: file.with_extension("o"),
            ..Product::at(file, None).unwrap()
        }],
        rules: [Some("gen/a b.h".into()), None]
            .map(|target| Rule {
                target,
                prerequisite: "/else where/regs.txt".into(),
            })
            .into(),
        elsewhere: vec!["common/x.o".into()],
    }
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let root = Root::new();
    let file = root.write("a file", "x");
    let mut written = record(&file);
    written.prerequisites[1].id = None;
    let (dir, path) = (root.path(), root.join("record"));
    let writer = Writer::new([crate::sys::Root::open(dir).unwrap()]);
    written.save(&writer, &path, dir).unwrap();
    let read = Record::load(&writer, &path, dir).unwrap().unwrap();
    assert_eq!(format!("{read:?}"), format!("{written:?}"));
    let text = std::fs::read(&path).unwrap();
    for cut in 0..text.len() - 1 {
        assert!(parse(&text[..cut]).is_none(), "cut off at {cut}");
    }
    let text = String::from_utf8(text).unwrap();
    for (known, forged) in [
        ("a%sfile", "../a%sfile"),
        ("a%sfile", "/etc/passwd"),
        ("common/x.o", "common/../../x.o"),
    ] {
        std::fs::write(&path, text.replace(known, forged)).unwrap();
        let error = Record::load(&writer, &path, dir).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::NotOurs, "{error}");
    }
}

#[test]
fn after_a_new_start_of_the_machine_products_have_to_be_whole() {
    let root = Root::new();
    let file = root.write("f", "x");
    let mut kept = record(&file);
    kept.products[0].content = 1;
    assert_eq!(kept.check(&config()), None);
    kept.boot = "another".into();
    assert_eq!(kept.check(&config()), Some(Stale::default()));
    kept.products[0].content = content_hash(&file).unwrap();
    assert_eq!(kept.check(&config()), None);
}

#[test]
fn each_class_of_change_has_its_own_consequence() {
    let root = Root::new();
    let file = root.write("f", "x");
    let kept = record(&file);
    assert_eq!(kept.check(&config()), None);
    let stale = kept.check(&[b"A=1".to_vec()]).unwrap();
    assert!(matches!(stale.from_nothing, Some(Reason::Tell(why)) if why.contains("CC changed")));
    std::fs::write(&file, "longer").unwrap();
    let of = |class: Class| {
        let mut record = record(&file);
        record.products.clear();
        record.prerequisites.retain(|p| p.class == class);
        record.prerequisites[0].id = None;
        record.check(&config()).unwrap()
    };
    assert!(of(Class::Whole).from_nothing.is_some());
    assert!(of(Class::Targets).changed.contains(&file));
    assert!(of(Class::Symvers).modpost);
    assert_eq!(of(Class::Make), Stale::default());
}
