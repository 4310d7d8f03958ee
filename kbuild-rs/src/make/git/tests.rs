use super::*;
use crate::fixture::Root;

fn repository(root: &Root) {
    root.create_dir(".git/refs/tags/of/us");
    root.write(".git/config", "");
    root.write(".git/HEAD", "ref: refs/heads/main\n");
}

#[test]
fn the_environment_names_no_repository_and_none_above_the_stage_is_found() {
    let env = GitPlaces::of(Path::new("/out/.kbuild/k")).env();
    let wanted = [
        ("GIT_CEILING_DIRECTORIES", "/out/.kbuild/k"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_TRACE_SETUP", "/out/.kbuild/k/git/asked"),
    ];
    assert_eq!(env, wanted.map(|(n, v)| (n.into(), v.into())));
}

#[test]
fn a_repository_is_found_where_git_would_find_it() {
    let root = Root::new();
    let below = root.create_dir("sub/below");
    let sub = root.join("sub");
    assert_eq!(Repository::at(root.path()), DotGit::Nothing);
    repository(&root);
    let DotGit::Ours(of_dir) = Repository::at(root.path()) else {
        panic!("no repository");
    };
    assert_eq!(Repository::above(&below), Some(of_dir.clone()));
    // git ignores a folder of that name, but not a file.
    fs::create_dir(sub.join(".git")).unwrap();
    assert_eq!(Repository::at(&sub), DotGit::Nothing);
    assert_eq!(Repository::above(&below), Some(of_dir));
    fs::remove_dir(sub.join(".git")).unwrap();
    root.write("sub/.git", "gitdir: ../nowhere\n");
    assert_eq!(Repository::at(&sub), DotGit::Refused);
    assert_eq!(Repository::above(&below), None);
    // A worktree.
    root.write(".git/worktrees/sub/HEAD", "0123456789\n");
    root.write(".git/worktrees/sub/commondir", "../..\n");
    root.write("sub/.git", "gitdir: ../.git/worktrees/sub\n");
    let DotGit::Ours(of_sub) = Repository::at(&sub) else {
        panic!("no worktree");
    };
    assert_eq!(fs::canonicalize(&of_sub.common).unwrap(), root.join(".git"));
}

#[test]
fn head_and_tags_tell_whether_git_answers_otherwise() {
    let root = Root::new();
    repository(&root);
    let heads = || match Repository::at(root.path()) {
        DotGit::Ours(repository) => repository.head_files(),
        _ => panic!("no repository"),
    };
    let git = root.join(".git");
    let tags = ["refs/tags", "refs/tags/of", "refs/tags/of/us"].map(|name| git.join(name));
    assert_eq!(heads(), [&[git.join("HEAD")], &tags[..]].concat());
    let folder = root.create_dir(".git/refs/heads");
    assert!(heads().contains(&folder));
    let branch = root.write(".git/refs/heads/main", "0123\n");
    assert!(heads().contains(&branch));
}

#[test]
fn a_folder_that_git_takes_for_a_bare_repository_is_known() {
    let is = |names: &[&str]| {
        let names: Vec<OsString> = names.iter().map(OsString::from).collect();
        is_bare(names.iter())
    };
    assert!(is(&["HEAD", "config", "objects", "refs"]));
    assert!(is(&["HEAD", "commondir"]));
    assert!(!is(&["HEAD", "hello.c"]) && !is(&["objects", "refs"]));
}
