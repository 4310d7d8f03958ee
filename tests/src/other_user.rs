//! A user for commands that run into a limit of processes.

use crate::lab::packages::is_root;

/// The words before a command to which a limit of processes (`ulimit -u`) applies. It does not apply
/// to root, so root takes a user that no other test has and that has these capabilities, such as
/// `+dac_override` to read and write everything. `first` is the first of a thousand numbers.
pub fn other_user(first: u32, capabilities: &str) -> Vec<String> {
    if !is_root() {
        return Vec::new();
    }
    let user = (first + std::process::id() % 1000).to_string();
    let set = |kind: &str| format!("--{kind}-caps=-all,{capabilities}");
    let words = [
        "setpriv",
        "--reuid",
        &user,
        "--regid",
        &user,
        "--clear-groups",
    ];
    let words = words.into_iter().map(str::to_owned);
    words.chain([set("inh"), set("ambient")]).collect()
}
