use super::*;
use crate::error::Sink;
use crate::fixture::Root;
use crate::settings::{Environment, Tree};

const CONF: &str = "CONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_NLS=m\nCONFIG_HZ=250\n";

fn settings(module: Module) -> Settings {
    Settings::new(module, Environment::new(false), Sink::silent())
}

fn tree(root: &Root, dir: &str) -> Settings {
    settings(Module::Tree(Tree::new(root.join(dir))))
}

fn kernel(root: &Root) -> Kernel {
    let dir = root.kernel_with("k", "6.1.192", "x86_64", CONF);
    Kernel::open(dir).unwrap()
}

/// Those of these requirements that the kernel does not meet, with their texts.
fn unmet(root: &Root, requires: &[(RequirementKind, &str)]) -> Vec<(String, String)> {
    let mut settings = tree(root, "");
    settings.requires = requires
        .iter()
        .map(|(kind, text)| (*kind, (*text).to_owned()))
        .collect();
    let found = Requirements::of(&settings, None, root.path()).unwrap();
    let kernel = kernel(root);
    let stated: Vec<_> = found.stated().cloned().collect();
    let unmet = found.unmet(&kernel).unwrap().into_iter();
    let row = |one: Unmet| {
        (
            stated[one.index].check.clone(),
            format!("{}: {}", one.found, one.advice.text()),
        )
    };
    unmet.map(row).collect()
}

#[test]
fn each_kind_is_compared_with_the_kernel() {
    use RequirementKind::{Arch, Config, Kernel, Symbol};
    let root = Root::new();
    assert!(
        unmet(
            &root,
            &[
                (Config, "MODULES"),
                (Config, "CONFIG_NLS"),
                (Config, "!NET"),
                (Kernel, ">=6.1.192, <7"),
                (Arch, "arm64"),
                (Arch, "amd64"),
            ]
        )
        .is_empty()
    );
    for (kind, text, words) in [
        (
            Config,
            "NET",
            "CONFIG_NET is not set: use a kernel with CONFIG_NET=y or CONFIG_NET=m",
        ),
        (
            Config,
            "!NLS",
            "CONFIG_NLS is m: use a kernel without CONFIG_NLS",
        ),
        (
            Config,
            "HZ",
            "CONFIG_HZ is \"250\", which is neither y nor m",
        ),
        (
            Kernel,
            ">=6.2",
            "the kernel is 6.1.192: use a newer kernel, >=6.2",
        ),
        (Kernel, "<6.1", "use an older kernel"),
        (Kernel, "=6.1.200", "use a newer kernel"),
        (
            Arch,
            "arm64",
            "the kernel is for x86 (64 bits): use a kernel for arm64",
        ),
        (Arch, "i386", "use a kernel for i386"),
        (Symbol, "printk", "has no Module.symvers"),
    ] {
        let found = unmet(&root, &[(kind, text)]);
        assert!(
            found.len() == 1 && found[0].1.contains(words),
            "{text}: {found:?}"
        );
    }
    root.write(
        "k/Module.symvers",
        "0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n",
    );
    assert!(unmet(&root, &[(Symbol, "printk")]).is_empty());
    let found = unmet(&root, &[(Symbol, "ring_push")]);
    assert!(
        found[0]
            .1
            .contains("neither the kernel nor a provider exports it"),
        "{found:?}"
    );
}

#[test]
fn a_symbol_may_be_a_providers() {
    let root = Root::new();
    let kernel = kernel(&root);
    root.write("k/Module.symvers", "");
    let ring = root.write("ring.symvers", "0x1\tring_push\tring\tEXPORT_SYMBOL\t\n");
    let mut settings = tree(&root, "");
    settings.requires = vec![(RequirementKind::Symbol, "ring_push".to_owned())];
    let of = |settings: &Settings| Requirements::of(settings, None, root.path()).unwrap();
    assert_eq!(of(&settings).unmet(&kernel).unwrap().len(), 1);
    settings.make_vars = vec![("KBUILD_EXTRA_SYMBOLS".to_owned(), ring.clone().into())];
    assert!(of(&settings).unmet(&kernel).unwrap().is_empty());
    assert!(of(&settings).inputs(&kernel).contains(&ring));
    // The kernel's symvers is not needed for it.
    std::fs::remove_file(root.join("k/Module.symvers")).unwrap();
    assert!(of(&settings).unmet(&kernel).unwrap().is_empty());
    settings.make_vars.clear();
    let unmet = of(&settings).unmet(&kernel).unwrap();
    assert_eq!(unmet.len(), 1);
    let error = of(&settings).error(&kernel, &unmet).unwrap();
    assert!(
        error
            .requirement_inputs()
            .contains(&root.join("k/Module.symvers"))
    );
    assert!(
        !of(&settings)
            .inputs(&kernel)
            .contains(&root.join("k/Module.symvers"))
    );
    static RECEIVED: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    RECEIVED.set(ring.clone()).unwrap();
    settings.received = |_, release| Provided {
        symvers: RECEIVED
            .get()
            .cloned()
            .filter(|_| release == "6.1.192")
            .into_iter()
            .collect(),
        includes: Vec::new(),
    };
    assert!(of(&settings).unmet(&kernel).unwrap().is_empty());
    assert!(of(&settings).inputs(&kernel).contains(&ring));
}

#[test]
fn a_symvers_that_cannot_be_read_does_not_deny_a_symbol() {
    let root = Root::new();
    let kernel = kernel(&root);
    root.write(
        "k/Module.symvers",
        "0x1\tprintk\tvmlinux\tEXPORT_SYMBOL\t\ngarbage\n",
    );
    let error = |symbol: &str, symvers: &[PathBuf]| {
        let mut settings = tree(&root, "");
        settings.symvers = symvers.to_vec();
        settings.requires = vec![(RequirementKind::Symbol, symbol.to_owned())];
        let found = Requirements::of(&settings, None, root.path()).unwrap();
        found.unmet(&kernel).err()
    };
    let invalid = error("foo", &[]).unwrap();
    assert_eq!(invalid.kind(), ErrorKind::InvalidFile);
    assert!(
        invalid.to_string().contains("k/Module.symvers:2:"),
        "{invalid}"
    );
    assert!(error("printk", &[]).is_none());
    let missing = error("foo", &[root.join("no/such.symvers")]).unwrap();
    assert_eq!(missing.kind(), ErrorKind::SourceNotFound);
    assert!(
        missing
            .to_string()
            .contains("no/such.symvers does not exist"),
        "{missing}"
    );
}

#[test]
fn files_from_the_tree_root_down_to_the_module_folder_apply() {
    let root = Root::new();
    root.write("kbuild.toml", "[require]\n");
    root.write("a/kbuild.toml", "[requires]\nconfig = 'A: above\tall'\n");
    root.write(
        "a/b/c/kbuild.toml",
        "[requires]\nconfig = '~C'\narch = ['x86', 'arm64']\n",
    );
    root.write("a/b/c/d/kbuild.toml", "[require]\n");
    let mut settings = tree(&root, "a/b/c");
    let stated = |settings: &Settings| {
        let found = Requirements::of(settings, None, root.path()).unwrap();
        let row = |one: &Requirement| (one.check.clone(), one.only_warns, one.origin.clone());
        found.stated().map(row).collect::<Vec<_>>()
    };
    let own = |line| format!("{}:{line}", root.join("a/b/c/kbuild.toml").display());
    let of_folder = [
        ("CONFIG_C".to_owned(), true, own(2)),
        ("x86 or arm64".to_owned(), false, own(3)),
    ];
    assert_eq!(stated(&settings), of_folder);
    if let Module::Tree(tree) = &mut settings.module {
        tree.tree_root = Some("../..".into());
    }
    root.write("a/kbuild.toml", "[requires]\nconfig = 'A: above all'\n");
    let above = format!("{}:2", root.join("a/kbuild.toml").display());
    let all = stated(&settings);
    assert_eq!(all[0], ("CONFIG_A".to_owned(), false, above));
    assert_eq!(all[1..], of_folder);
}

#[test]
fn the_error_names_the_kernel_the_value_the_place_the_reason_and_the_remedy() {
    let root = Root::new();
    let kernel = kernel(&root);
    root.write(
        "net/kbuild.toml",
        "[requires]\nconfig = ['~!NLS', { check = 'NET', reason = 'it opens\\na socket.' }]\n",
    );
    let found = Requirements::of(&tree(&root, "net"), None, root.path()).unwrap();
    let unmet = found.unmet(&kernel).unwrap();
    let error = found.error(&kernel, &unmet).unwrap();
    assert_eq!(error.kind(), ErrorKind::RequirementNotMet);
    assert_eq!(error.unmet_requirements(), ["CONFIG_NET"]);
    assert_eq!(
        error.to_string(),
        format!(
            "net cannot be built for 6.1.192: the kernel tree {0}/k does not meet a stated requirement\n  \
             CONFIG_NET ({0}/net/kbuild.toml:2): it opens\\na socket. CONFIG_NET is not set: use a kernel \
             with CONFIG_NET=y or CONFIG_NET=m, or build this kernel again with it",
            root.path().display()
        )
    );
    let warning = found.warning(&kernel, &unmet[0]);
    assert!(
        warning.starts_with(
            "net is built for 6.1.192, which does not meet a stated requirement: !CONFIG_NLS ("
        ),
        "{warning}"
    );
    let inputs = error.requirement_inputs();
    assert!(inputs.contains(&root.join("net/kbuild.toml")), "{inputs:?}");
    assert!(
        inputs.contains(&root.join("k/include/config/auto.conf")),
        "{inputs:?}"
    );
}

#[test]
fn a_text_that_is_not_a_requirement_is_refused_with_its_place() {
    let root = Root::new();
    root.write("a/kbuild.toml", "[requires]\n\narch = \"x68\"\n");
    let error = Requirements::of(&tree(&root, "a"), None, root.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error
            .to_string()
            .contains("a/kbuild.toml:3: \"x68\" is not an"),
        "{error}"
    );
    let mut settings = tree(&root, "");
    settings.requires = vec![(RequirementKind::Kernel, "5.10".to_owned())];
    let error = Requirements::of(&settings, None, root.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("requires_kernel: \"5.10\" is not"),
        "{error}"
    );
    root.create_dir("b/kbuild.toml");
    let error = Requirements::of(&tree(&root, "b"), None, root.path()).unwrap_err();
    assert!(error.to_string().contains("b/kbuild.toml"), "{error}");
}
