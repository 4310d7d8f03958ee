use super::*;

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("kbuild-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(dir.join("sub/below")).unwrap();
    fs::canonicalize(dir).unwrap()
}

fn repository(top: &Path) {
    fs::create_dir_all(top.join(".git/refs/tags/of/us")).unwrap();
    fs::write(top.join(".git/config"), "").unwrap();
    fs::write(top.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
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
    let dir = scratch("git");
    let sub = dir.join("sub");
    assert_eq!(Repository::at(&dir), DotGit::Nothing);
    repository(&dir);
    let DotGit::Ours(of_dir) = Repository::at(&dir) else {
        panic!("no repository");
    };
    assert_eq!(Repository::above(&sub.join("below")), Some(of_dir.clone()));
    // Git passes a folder of that name over, and not a file.
    fs::create_dir(sub.join(".git")).unwrap();
    assert_eq!(Repository::at(&sub), DotGit::Nothing);
    assert_eq!(Repository::above(&sub.join("below")), Some(of_dir));
    fs::remove_dir(sub.join(".git")).unwrap();
    fs::write(sub.join(".git"), "gitdir: ../nowhere\n").unwrap();
    assert_eq!(Repository::at(&sub), DotGit::Refused);
    assert_eq!(Repository::above(&sub.join("below")), None);
    // A worktree.
    let own = dir.join(".git/worktrees/sub");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("HEAD"), "0123456789\n").unwrap();
    fs::write(own.join("commondir"), "../..\n").unwrap();
    fs::write(sub.join(".git"), "gitdir: ../.git/worktrees/sub\n").unwrap();
    let DotGit::Ours(of_sub) = Repository::at(&sub) else {
        panic!("no worktree");
    };
    assert_eq!(fs::canonicalize(&of_sub.common).unwrap(), dir.join(".git"));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn head_and_tags_tell_whether_git_answers_otherwise() {
    let dir = scratch("heads");
    repository(&dir);
    let heads = || match Repository::at(&dir) {
        DotGit::Ours(repository) => repository.head_files(),
        _ => panic!("no repository"),
    };
    let git = dir.join(".git");
    let tags = ["refs/tags", "refs/tags/of", "refs/tags/of/us"].map(|name| git.join(name));
    assert_eq!(heads(), [&[git.join("HEAD")], &tags[..]].concat());
    let branch = git.join("refs/heads/main");
    fs::create_dir_all(branch.parent().unwrap()).unwrap();
    assert!(heads().contains(&git.join("refs/heads")));
    fs::write(&branch, "0123\n").unwrap();
    assert!(heads().contains(&branch));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_git_takes_for_a_bare_repository_is_known() {
    let is = |names: &[&str]| {
        let names: Vec<OsString> = names.iter().map(OsString::from).collect();
        is_bare(names.iter())
    };
    assert!(is(&["HEAD", "config", "objects", "refs"]));
    assert!(is(&["HEAD", "commondir"]));
    assert!(!is(&["HEAD", "hello.c"]) && !is(&["objects", "refs"]));
}
