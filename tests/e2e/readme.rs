//! README.md, the order of docs/, and docs/environment.md: each example, row and link leads to an
//! existing item, and each page names its readers.

use std::fs;
use std::path::Path;

use crate::kernels_guide::sources;
use crate::support::project::root;

/// The rows of the README's table, and the tests that prove them.
const ROWS: [(&str, &[&str]); 12] = [
    (
        "output",
        &[
            "only_products_and_the_private_folder_lie_in_the_output_directory",
            "neither_a_hostile_environment_nor_a_user_without_rights_changes_trees_or_modules",
        ],
    ),
    // A benchmark measures it.
    ("first build of drivers", &[]),
    (
        "one-file module after an edit",
        &["another_module_and_an_edit_start_kbuilds_makes_directly_with_the_bytes_of_plain_make"],
    ),
    (
        "the same build in another output directory",
        &["another_output_directory_gets_the_bytes_of_plain_make_without_a_make"],
    ),
    (
        "build with nothing to do",
        &["what_changed_is_compiled_again_and_nothing_else_whatever_its_time"],
    ),
    (
        "missed changes",
        &[
            "a_kernel_header_with_an_old_time_recompiles_what_includes_it_and_a_new_symvers_everything",
            "modpost_runs_again_when_a_provider_exports_something_else_or_is_another_one",
        ],
    ),
    (
        "twenty questions of a configure script (\"does this compile for that kernel?\")",
        &["an_answer_stays_until_a_header_that_decided_it_changes_or_a_missing_one_appears"],
    ),
    (
        "several kernels",
        &[
            "trees_build_for_all_kernels_providers_first_and_a_failure_hides_no_other_result",
            "there_are_as_many_compilers_as_there_are_tokens_under_every_outer_build",
        ],
    ),
    (
        "would a module load on that kernel?",
        &["every_verdict_is_what_the_kernel_does"],
    ),
    (
        "signing fails during an installation",
        &["a_signature_that_fails_is_an_error_of_kbuild_rs_only"],
    ),
    (
        "upgrade of an installed module",
        &["only_kbuild_rs_leaves_the_old_file_as_it_is"],
    ),
    (
        "errors",
        &["the_page_of_messages_has_every_rule_and_every_other_code"],
    ),
];

/// The test that proves the sentence about bytes above the table.
const SAME_BYTES: &str =
    "a_module_tree_gives_the_bytes_of_plain_make_and_says_the_paths_that_plain_make_lets_it_say";

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// The names of the pages in docs/.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(root().join("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// The code blocks of a page: their first lines, and their contents.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("\n```").skip(1).step_by(2);
    parts.map(|part| part.split_once('\n').unwrap()).collect()
}

#[test]
fn every_example_in_the_readme_is_one_of_a_page_that_the_tests_build() {
    let readme = read("README.md");
    let docs: Vec<String> = pages()
        .iter()
        .map(|name| read(Path::new("docs").join(name)))
        .collect();
    let mut examples = 0;
    for (language, body) in blocks(&readme) {
        match language {
            "rust" | "cmake" | "meson" => {
                let is_shown = docs.iter().any(|page| page.contains(body));
                assert!(is_shown, "no page builds this:\n{body}");
            }
            "console" => {
                for line in body.lines() {
                    let is_shown = docs.iter().any(|page| page.contains(&format!("{line}\n")));
                    assert!(line.starts_with("$ cargo xtask ") || is_shown, "{line}");
                }
            }
            // The example names a checkout and no version, because nothing is published.
            language => assert_eq!(language, "toml"),
        }
        examples += 1;
    }
    assert!(examples >= 6, "{examples}");
}

#[test]
fn every_row_of_the_readmes_table_has_tests_that_exist() {
    let readme = read("README.md");
    let (_, table) = readme.split_once("| DKMS | kbuild-rs |\n").unwrap();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let rows = rows
        .skip(1)
        .map(|row| row.split('|').nth(1).unwrap().trim());
    let proved: Vec<_> = ROWS.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows.collect::<Vec<_>>(), proved);
    let tests: String = ["kbuild-rs/src", "kbuild-cli", "tests"]
        .iter()
        .map(|dir| sources(&root().join(dir)))
        .collect();
    assert!(readme.contains("the same bytes as those of plain make"));
    let names = ROWS.iter().flat_map(|(_, names)| *names);
    for name in names.chain([&SAME_BYTES]) {
        assert!(tests.contains(&format!("fn {name}()")), "no test {name}");
    }
}

#[test]
fn the_index_of_the_docs_has_every_page_and_each_page_says_for_whom_it_is() {
    let index = read("docs/README.md");
    let mut found = 0;
    for name in pages() {
        let page = read(Path::new("docs").join(&name));
        // The paragraph below the title.
        let first = page.split("\n\n").nth(1).unwrap();
        assert!(
            first.starts_with("For "),
            "{name} does not say for whom it is: {first}"
        );
        if name != "README.md" {
            assert!(
                index.contains(&format!("| [{name}]({name}) | ")),
                "no row has {name}"
            );
            found += 1;
        }
    }
    let rows = index.matches("\n| [").count();
    assert_eq!(rows, found, "a row is there twice, or its page is gone");
}

/// The anchor of a heading, by GitHub's rule as far as these headings need it.
fn anchor(title: &str) -> String {
    let title = title.trim_matches(['#', ' ']).to_lowercase();
    let is_kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
    let kept: String = title.chars().filter(is_kept).collect();
    kept.replace(' ', "-")
}

#[test]
fn every_link_in_the_readme_and_the_docs_leads_somewhere() {
    let docs = pages().into_iter().map(|name| format!("docs/{name}"));
    let mut links = 0;
    for page in docs.chain(["README.md", "SECURITY.md"].map(str::to_owned)) {
        let path = root().join(&page);
        let text = read(&page);
        for part in text.split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            if target.starts_with("https://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{page}: {target}");
            if !heading.is_empty() {
                let text = read(&file);
                let mut titles = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    titles.any(|title| anchor(title) == heading),
                    "{page}: {target}"
                );
            }
            links += 1;
        }
    }
    assert!(links > 60, "{links}");
}

/// The quoted words of a constant in a source file.
fn constant(file: &str, name: &str) -> Vec<String> {
    let text = read(file);
    let (_, rest) = text
        .split_once(&format!("const {name}: &[&str] = &["))
        .unwrap();
    let (list, _) = rest.split_once("];").unwrap();
    list.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_about_the_environment_has_every_variable_that_is_read_or_reaches_make() {
    let page = read("docs/environment.md");
    let (is_read, reaches_make) = page.split_once("\n## Variables that reach make").unwrap();
    let env = "kbuild-rs/src/make/env.rs";
    let mut known = constant(env, "ALLOWED");
    let prefixes = constant(env, "ALLOWED_PREFIXES");
    known.extend(prefixes.iter().map(|prefix| format!("{prefix}*")));
    known.push("LD_LIBRARY_PATH".to_owned());
    let rows = reaches_make.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    let mut shown: Vec<_> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    shown.sort_unstable();
    known.sort_unstable();
    assert_eq!(shown, known);

    let library = sources(&root().join("kbuild-rs/src"));
    let own = library.split('"').filter(|word| {
        let rest = word.strip_prefix("KBUILD_RS_").unwrap_or_default();
        let is_for_tests = rest.starts_with("TEST_");
        !rest.is_empty()
            && !is_for_tests
            && rest.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    });
    let mut found = 0;
    for name in own.chain(["KDIR", "DOCS_RS", "CMAKE_BUILD_PARALLEL_LEVEL"]) {
        assert!(is_read.contains(&format!("`{name}`")), "{name}");
        found += 1;
    }
    assert!(found > 5, "{found}");
}
