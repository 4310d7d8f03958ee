#[cfg(feature = "rust")]
mod literals;
#[cfg(feature = "rust")]
mod page;

use super::rules::{Example, Explanation, rules};
use super::signals::tells_of_a_signal;
use super::*;
use crate::fixture::Root;

/// The facts about a build in a folder that has an example's files.
fn facts_of(example: &Example, root: &Root) -> BuildFacts {
    for (path, content) in example.files {
        root.write(path, content);
    }
    let symvers = root.join("near.symvers");
    BuildFacts {
        nearby: symvers.is_file().then_some(symvers).into_iter().collect(),
        release: "6.1.0".into(),
        #[cfg(feature = "rust")]
        kernel_dir: root.join("k"),
        #[cfg(feature = "rust")]
        kernel_source: root.join("k"),
        // Without a blank or a slash at its end.
        module_dir: match example.files {
            [] => PathBuf::new(),
            _ => root.join("").components().collect(),
        },
        works_in_module: false,
        has_chosen_btf: false,
    }
}

/// The explanations of an example.
fn explanations(example: &Example) -> Vec<Explanation> {
    let root = Root::new();
    let facts = facts_of(example, &root);
    let folder = root.join("").components().collect::<PathBuf>();
    let output = example
        .output
        .replace("{dir}", &folder.display().to_string());
    let mut diagnosis = Diagnosis::default();
    // An empty line ends a message of rustc.
    for line in output.lines().chain([""]) {
        diagnosis.hear(line, Level::Error, &facts);
    }
    diagnosis.explanations(&facts)
}

#[test]
fn each_rule_explains_its_examples_and_no_other_rule_does() {
    for rule in rules() {
        let (first, more) = &rule.examples;
        for example in [first].into_iter().chain(*more) {
            let explanations = explanations(example);
            let output = example.output;
            let [explanation] = &explanations[..] else {
                panic!("{}: {output}\nis explained by {explanations:#?}", rule.name);
            };
            assert_eq!(explanation.rule, rule.name, "{output}");
            assert!(!example.explained.is_empty(), "{output} has no words");
            for words in example.explained {
                let text = &explanation.text;
                assert!(text.contains(words), "{output}\nhas no {words}\nin {text}");
            }
        }
    }
}

#[test]
fn the_name_of_a_rule_is_its_own_and_in_kebab_case() {
    let mut names = BTreeSet::new();
    for rule in rules() {
        let name = rule.name;
        let words = name.split('-');
        let mut is_word = words.map(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(is_word.all(|is_word| is_word), "{name}");
        assert!(names.insert(name), "{name} is the name of two rules");
    }
}

#[test]
fn lines_that_only_resemble_an_error_are_not_explained() {
    for line in [
        "cat: /s/.x.o.cmd: No such file or directory",
        "    4 | /* SSE register return with SSE disabled */",
        "error: couldn't read `/none/x.rs`: No such file or directory (os error 2)",
        "error: couldn't read `/etc/passwd`: stream did not contain valid UTF-8",
    ] {
        let found = LineFound::of(line).map(|found| found.rule.name);
        assert_eq!(found, None, "{line}");
    }
}

fn text_of(diagnosis: &Diagnosis, facts: &BuildFacts) -> String {
    diagnosis.summary(facts).error(String::new()).to_string()
}

#[test]
fn a_tool_that_a_signal_ended_is_noticed() {
    for line in [
        "Killed",
        "/bin/sh: line 1: 4242 Killed                  pahole -J",
        "make[3]: *** [scripts/Makefile.build:250: x.o] Error 137",
        "gcc-12: fatal error: Killed signal terminated program cc1",
        "Segmentation fault (core dumped)",
        "scripts/gen.sh: line 12:  77 Segmentation fault      (core dumped) x",
        "/bin/sh: 1: Cannot fork",
        "bash: fork: Resource temporarily unavailable",
    ] {
        assert!(tells_of_a_signal(line), "{line}");
    }
    for line in [
        "make[3]: *** [x.o] Error 1",
        "a.c:1:2: error: 'Killed' undeclared",
        "  CC [M]  Killed.o",
        "   12 |         pr_info(\"it was Killed by us\");",
        "a.c:3: note: Aborted",
        "bash: fork: retry: Resource temporarily unavailable",
        "   12 |         sh: 1: Cannot fork",
        "make[3]: *** [x.o] Error 255",
    ] {
        assert!(!tells_of_a_signal(line), "{line}");
    }
}

#[test]
fn a_probe_that_died_is_explained_and_cuts_the_build_off() {
    let mut diagnosis = Diagnosis::default();
    let facts = BuildFacts::default();
    let line = "/k/Makefile:3: *** kbuild-rs: the compiler probe for -fx died: signal 9.  Stop.";
    assert_eq!(diagnosis.hear(line, Level::Error, &facts), None);
    assert!(diagnosis.was_cut_off());
    let summary = text_of(&diagnosis, &facts);
    assert!(summary.contains(line), "{summary}");
    assert!(summary.contains("then build again"), "{summary}");
}

#[test]
fn skipped_btf_is_explained_as_harmless_once() {
    let mut diagnosis = Diagnosis::default();
    let facts = BuildFacts::default();
    let line = "Skipping BTF generation for x.ko due to unavailability of vmlinux";
    let hint = diagnosis.hear(line, Level::Plain, &facts).unwrap();
    assert!(hint.text().contains("not an error"), "{hint:?}");
    assert!(hint.text().contains("--btf-base auto"), "{hint:?}");
    assert_eq!(diagnosis.hear(line, Level::Plain, &facts), None);
    let facts = BuildFacts {
        has_chosen_btf: true,
        ..facts
    };
    let hint = Diagnosis::default().hear(line, Level::Plain, &facts);
    assert!(!hint.unwrap().text().contains("--btf-base"));
}

#[test]
fn a_warning_is_explained_at_once() {
    let mut diagnosis = Diagnosis::default();
    let facts = BuildFacts::default();
    let mut hear = |line| diagnosis.hear(line, Level::Warning, &facts);
    let hint = hear("WARNING: modpost: missing MODULE_LICENSE() in x.o").unwrap();
    assert!(hint.text().contains("MODULE_LICENSE(\"GPL\")"), "{hint:?}");
    assert_eq!(hear("WARNING: modpost: \"x\" [x.ko] undefined!"), None);
    assert_eq!(text_of(&diagnosis, &facts), "");
}

#[test]
fn functions_of_compilers_are_explained_beside_symbols_that_nobody_exports() {
    let mut diagnosis = Diagnosis::default();
    let facts = BuildFacts::default();
    for symbol in [
        "ring_push",
        "__udivdi3",
        "__muldf3",
        "__divdi3",
        "__udivti3",
    ] {
        let line = format!("ERROR: modpost: \"{symbol}\" [x.ko] undefined!");
        diagnosis.hear(&line, Level::Error, &facts);
    }
    let text = text_of(&diagnosis, &facts);
    for wanted in [
        "\n\nneither the kernel  nor any module that this build knows exports ring_push.",
        "\n\nthe compiler calls __muldf3 for floating-point",
        "\n\nthe compiler calls __divdi3, __udivdi3 to divide 64-bit",
        "\n\nthe compiler calls __udivti3 for 128-bit",
    ] {
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn undefined_symbols_are_explained_together() {
    let mut diagnosis = Diagnosis::default();
    let facts = BuildFacts::default();
    for number in 0..8 {
        let line = format!("ERROR: modpost: \"s{number}\" [x.ko] undefined!");
        diagnosis.hear(&line, Level::Error, &facts);
    }
    let text = text_of(&diagnosis, &facts);
    assert!(
        text.contains("exports s0, s1, s2, s3, s4, s5 and 2 more."),
        "{text}"
    );
    assert_eq!(text.matches("nor any module").count(), 1);
}

#[test]
fn the_original_line_is_kept() {
    let mut diagnosis = Diagnosis::default();
    let facts = BuildFacts::default();
    let line = "ERROR: modpost: \"ring_push\" [/s/hello.ko] undefined!";
    diagnosis.hear(line, Level::Error, &facts);
    let text = text_of(&diagnosis, &facts);
    let wanted = format!("\n  {line}\n\nneither the kernel ");
    assert!(text.starts_with(&wanted), "{text}");
}

#[test]
fn the_rules_that_failed_are_named_only_where_nothing_else_is() {
    let mut diagnosis = Diagnosis::default();
    let facts = BuildFacts::default();
    let rule = "make[1]: *** [scripts/Makefile.build:255: a.o] Error 1";
    diagnosis.hear(rule, Level::Error, &facts);
    assert!(text_of(&diagnosis, &facts).contains(rule));
    diagnosis.hear("a.c:1:2: error: x", Level::Error, &facts);
    assert_eq!(text_of(&diagnosis, &facts), "\n  a.c:1:2: error: x");
}
