use super::*;

fn stated(text: &str) -> Vec<(RequirementKind, String, Option<String>, usize)> {
    let stated = parse(text.as_bytes()).unwrap_or_else(|(line, why)| panic!("{line}: {why}"));
    let row = |one: StatedInFile| (one.kind, one.text, one.reason, one.line);
    stated.into_iter().map(row).collect()
}

fn plain(
    kind: RequirementKind,
    text: &str,
    line: usize,
) -> (RequirementKind, String, Option<String>, usize) {
    (kind, text.to_owned(), None, line)
}

#[test]
fn a_file_has_strings_and_tables_with_reasons() {
    use RequirementKind::{Arch, Config, Kernel, Symbol};
    let found = stated(
        "# what it needs\n[requires]\nkernel = \">=5.10, <7.0\"\narch = ['x86', \"arm64\"]\n\
         config = [\n  \"CONFIG_NET\", # sockets\n  { check = \"~!CONFIG_PREEMPT_RT\", reason = \"a \
         \\\"spin\\\" lock\" },\n]\nsymbols = { reason = 'r', check = 'printk' }\n",
    );
    assert_eq!(
        found,
        [
            plain(Kernel, ">=5.10, <7.0", 3),
            plain(Arch, "x86", 4),
            plain(Arch, "arm64", 4),
            plain(Config, "CONFIG_NET", 6),
            (
                Config,
                "~!CONFIG_PREEMPT_RT".to_owned(),
                Some("a \"spin\" lock".to_owned()),
                7
            ),
            (Symbol, "printk".to_owned(), Some("r".to_owned()), 9),
        ]
    );
}

#[test]
fn every_way_to_write_a_table_means_the_same() {
    let wanted = vec![(
        RequirementKind::Config,
        "CONFIG_A".to_owned(),
        Some("b".to_owned()),
    )];
    for text in [
        "requires.config = { check = 'CONFIG_A', reason = 'b' }",
        "requires = { config = [{ check = 'CONFIG_A', reason = 'b' }] }",
        "[[requires.config]]\ncheck = 'CONFIG_A'\nreason = 'b'\n",
        "[requires]\nconfig.check = 'CONFIG_A'\nconfig.reason = 'b'\n",
        "[requires.\"config\"]\nreason = 'b'\ncheck = '''CONFIG_A'''\n",
    ] {
        let found = stated(text)
            .into_iter()
            .map(|(kind, text, reason, _)| (kind, text, reason));
        assert_eq!(found.collect::<Vec<_>>(), wanted, "{text}");
    }
    let several = stated(
        "[[requires.config]]\ncheck = 'A'\n[[requires.config]]\ncheck = 'B'\nreason = 'b'\n",
    );
    assert_eq!((several.len(), &*several[1].1, several[1].3), (2, "B", 4));
    assert!(stated("").is_empty() && stated("[requires]\nconfig = []\n").is_empty());
}

#[test]
fn a_fault_is_named_with_its_line_and_what_is_known() {
    for (text, line, words) in [
        (
            "[require]\n",
            1,
            "unknown key `require`. The known key is requires",
        ),
        (
            "[requires]\n\nconfigs = []\n",
            3,
            "unknown key `configs`. The known keys of `requires` are kernel, arch, config, symbols",
        ),
        (
            "[requires]\nconfig = [{ check = 'A', why = 'b' }]\n",
            2,
            "unknown key `why`. The known keys of `requires.config` are check, reason",
        ),
        (
            "[requires]\nconfig.check.x = 'A'\n",
            2,
            "unknown key `x`: `requires.config.check` is a string",
        ),
        (
            "[requires]\nkernel = 5.10\n",
            2,
            "the value of `requires.kernel` is not a string",
        ),
        (
            "[requires]\nconfig = [true]\n",
            2,
            "`requires.config` is not a string",
        ),
        (
            "[requires]\nconfig = [['A']]\n",
            2,
            "must be a string, a table with",
        ),
        ("requires = 'A'\n", 1, "`requires` must be a table"),
        (
            "[requires]\narch = 'x86'\narch = 'arm64'\n",
            3,
            "`requires.arch` is there twice",
        ),
        ("[requires]\n[requires]\n", 2, "`requires` is there twice"),
        (
            "[requires]\nconfig = [{ reason = 'b' }]\n",
            2,
            "has no `check`",
        ),
        ("[requires]\nconfig = ['']\n", 2, "has no `check`"),
        ("[requires]\nconfig = [\n", 2, "this is not TOML: "),
        ("[requires]\n\nconfig = \"A\n", 3, "this is not TOML: "),
        ("[requires\n", 1, "this is not TOML: "),
    ] {
        let (found, why) = parse(text.as_bytes()).unwrap_err();
        assert!(
            why.contains(words) && found == line,
            "{text:?}: {found}: {why}"
        );
    }
    let (line, why) = parse(b"[requires]\n\n# \xff\n").unwrap_err();
    assert_eq!((line, &*why), (3, "this is not UTF-8 text"));
    let deep = "requires = ".to_owned() + &"[".repeat(100_000);
    assert!(parse(deep.as_bytes()).is_err());
    let many = format!("[requires]\nconfig = [{}]\n", "'A',".repeat(5000));
    assert!(
        parse(many.as_bytes())
            .unwrap_err()
            .1
            .contains("more than 4096 entries")
    );
}

#[test]
fn a_file_that_cannot_be_read_whole_is_an_error() {
    let root = crate::fixture::Root::new();
    assert!(
        read_kbuild_toml(&root.join("kbuild.toml"))
            .unwrap()
            .is_none()
    );
    std::os::unix::fs::symlink("nothing", root.join("kbuild.toml")).unwrap();
    assert!(read_kbuild_toml(&root.join("kbuild.toml")).is_err());
    let long = root.write("long/kbuild.toml", "#".repeat(LONGEST as usize + 1));
    let error = read_kbuild_toml(&long).unwrap_err();
    assert!(error.to_string().contains("longer than 64 KiB"), "{error}");
}

#[test]
fn a_requirement_that_is_there_twice_or_has_no_check_is_refused() {
    for (text, line, words) in [
        ("[requires]\n\nconfig = ['A', {}]\n", 3, "has no `check`"),
        ("[requires]\nconfig = {}\n", 2, "has no `check`"),
        ("[requires.config]\n", 1, "has no `check`"),
        ("\n[[requires.config]]\n", 2, "has no `check`"),
        (
            "[requires]\nconfig = ['A']\n[[requires.config]]\ncheck = 'B'\n",
            3,
            "`requires.config` is there twice",
        ),
        (
            "[[requires.config]]\ncheck = 'B'\n[requires]\nconfig = ['A']\n",
            4,
            "`requires.config` is there twice",
        ),
        (
            "[requires]\nconfig.check = 'A'\nconfig = 'B'\n",
            3,
            "`requires.config` is there twice",
        ),
        (
            "[requires]\nconfig = 'A'\nconfig.check = 'B'\n",
            3,
            "`requires.config.check` is there twice",
        ),
        (
            "requires = { config.check = 'A', config = 'B' }\n",
            1,
            "`requires.config` is there twice",
        ),
        (
            "[requires]\nconfig = { check = 'A' }\nconfig.reason = 'B'\n",
            3,
            "`requires.config.reason` is there twice",
        ),
        (
            "[[requires.config]]\ncheck = 'A'\n[requires.config]\ncheck = 'B'\n",
            3,
            "`requires.config` is there twice",
        ),
        (
            "[requires.config]\ncheck = 'A'\n[[requires.config]]\ncheck = 'B'\n",
            3,
            "`requires.config` is there twice",
        ),
    ] {
        let (found, why) = parse(text.as_bytes()).unwrap_err();
        assert!(
            why.contains(words) && found == line,
            "{text:?}: {found}: {why}"
        );
    }
}
