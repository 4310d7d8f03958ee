//! The script of a module test in its guest, and the way back from its output to data.

use std::time::Duration;

use crate::findings::MARK;

/// What a test's script is made of.
pub(super) struct Plan<'a> {
    /// The names of the modules in the order of loading, with their parameters.
    pub(super) modules: Vec<(&'a str, Vec<&'a str>)>,
    /// The command for `sh`.
    pub(super) command: Option<&'a str>,
    /// A shell on the console instead of the command; the guest ends with it.
    pub(super) shell: bool,
    pub(super) unload: bool,
    /// Whether the guest waits after the unload, because the kernel may still call the modules.
    pub(super) wait: bool,
    /// The time that the guest has.
    pub(super) time: Duration,
}

/// The first mark of a script; a step has none of its kind.
pub(super) const BEGIN: &str = "begin";

/// Where the guest has the modules.
pub(super) const MODULES: &str = "/test/modules";

/// # Decisions
/// - After an oops, the kernel's locks may be held forever: nothing is loaded, run or unloaded any
///   more. Without a taint, the words of an oops tell of it, and a module may print similar ones.
/// - Each step that was done is a fact, so a step that was left out is known.
/// - kmemleak only reports objects that are five seconds old and the same in two scans, at times in
///   three (7.3).
/// - A module with an init function and without an exit function cannot be unloaded, and that is its
///   author's choice. It stays, and so do the modules that it uses.
/// - The output of the command goes to a file, and from there to the console: a program that the command
///   leaves behind would keep a pipe open, and the test would wait for it. The console has a mark
///   before each line, so that no line looks like a message of the kernel.
/// - A timer or a work that a module leaves behind strikes after the unload, so the guest waits. A
///   module that cannot leave one does not need that: the wait doubles the time of a small kernel.
/// - The command may have unloaded a module itself.
/// - A report of a hung task has to come before the guest's time is over.
const HEAD: &str = r#"
facts=/test/facts
leaks=/sys/kernel/debug/kmemleak
loaded=
broken=
kept=
mark() { echo "@test $*" >/dev/kmsg; }
fact() { echo "$*" >>$facts; }
tainted() { cat /proc/sys/kernel/tainted 2>/dev/null || echo 0; }
locks() { [ ! -r /proc/lockdep_stats ] || sed -n 's/^ *debug_locks: *//p' /proc/lockdep_stats; }
died() {
    if [ -r /proc/sys/kernel/tainted ]; then [ $(($(tainted) & 128)) -ne 0 ]
    else dmesg | grep -q ': [0-9a-f][0-9a-f]* \[#[0-9][0-9]*\]'; fi
}
load() {
    [ -z "$broken" ] || return
    name=$1; shift
    mark load $name
    if insmod /test/modules/$name.ko "$@" 2>/test/error; then
        loaded="$name $loaded"
        fact loaded $name
    else
        fact failed-load $name $(head -c 500 /test/error)
        broken=1
    fi
    if died; then broken=1; loaded=; fi
}
run() {
    mark run
    : >/test/output
    tail -n +1 -f /test/output | while IFS= read -r line; do echo "| $line"; done &
    shown=$!
    sh -c "$1" >>/test/output 2>&1 </dev/null
    fact command $?
    kill $shown
}
unload() {
    line=$(grep "^$1 " /proc/modules)
    if [ -z "$line" ] && [ -r /proc/modules ]; then
        fact unloaded $1
        return
    fi
    case $line in *"[permanent]"*) keep $1; return ;; esac
    for user in $(echo "$line" | cut -d' ' -f4 | tr , ' '); do
        case " $kept " in *" $user "*) keep $1; return ;; esac
    done
    mark unload $1
    if rmmod $1 2>/test/error; then fact unloaded $1
    else fact failed-unload $1 $(head -c 500 /test/error); fi
}
keep() {
    kept="$kept $1"
    fact kept $1
}
scan() {
    (echo scan >$leaks) 2>/test/error || fact failed-scan $(head -c 500 /test/error)
}
mkdir -p /test
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
if [ -w $leaks ]; then
    (echo scan=off >$leaks) 2>/dev/null
    scan
    (echo clear >$leaks) 2>/dev/null
fi
before=$(tainted)
fact tainted-before $before
fact locks-before $(locks)
[ -c /dev/kmsg ] || mknod /dev/kmsg c 1 11
dmesg -n 8
mark begin
[ $((before & 128)) -eq 0 ] || broken=1
"#;

const TAIL: &str = r#"
if [ -n "$leak_check" ] && [ -w $leaks ] && ! died; then
    mark leaks
    sleep 6
    for pause in 2 1 0; do scan; sleep $pause; done
    head -c 100000 $leaks >/test/leaks
fi
mark end
fact tainted-after $(tainted)
fact locks-after $(locks)
dmesg -n 1
echo
echo "@test output"
[ -e /test/output ] && tail -c 1000000 /test/output
echo
echo "@test leaks"
[ -e /test/leaks ] && cat /test/leaks
echo
echo "@test facts"
cat $facts
exit 0
"#;

const SHELL: &str = r#"
echo
[ -z "$broken" ] || cat $facts
echo "This is the guest, with busybox. To end it, type exit."
cd / && setsid cttyhack sh
sync
reboot -f
"#;

/// The leak check takes longer than this.
const WAIT: &str = "[ -w $leaks ] || died || { mark after unload; sleep 2; }\n";

pub(super) fn script(plan: &Plan<'_>) -> String {
    let mut script = String::from(HEAD);
    let hung = (plan.time.as_secs() / 3).max(5);
    script += &format!(
        "hung=/proc/sys/kernel/hung_task_timeout_secs\n[ -w $hung ] && echo {hung} >$hung\n"
    );
    for (name, parameters) in &plan.modules {
        let words: Vec<String> = parameters
            .iter()
            .map(|one| quoted(&parameter(one)))
            .collect();
        script += &format!("load {name} {}\n", words.join(" "));
    }
    if plan.shell {
        return script + SHELL;
    }
    if let Some(command) = plan.command {
        let command = quoted(command);
        script += &format!("[ -n \"$broken\" ] || run {command}\n");
    }
    if plan.unload {
        script += "for name in $loaded; do died || unload $name; done\n";
        if plan.wait {
            script += WAIT;
        }
    }
    script += "leak_check=1\n";
    script + TAIL
}

/// A parameter as the kernel reads it: with quotes around a value with blanks.
fn parameter(text: &str) -> String {
    match text.split_once('=') {
        Some((name, value)) if value.contains(char::is_whitespace) => format!("{name}=\"{value}\""),
        _ => text.to_owned(),
    }
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What a script wrote, apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// The output of the command.
    pub(super) output: String,
    /// What kmemleak reports.
    pub(super) leaks: String,
    pub(super) tainted_before: u64,
    pub(super) tainted_after: u64,
    /// Whether lockdep watched the locks at the beginning, and at the end: `debug_locks` in
    /// `/proc/lockdep_stats`.
    pub(super) locks_before: bool,
    pub(super) locks_after: bool,
    /// The exit code of the command.
    pub(super) command: Option<i32>,
    pub(super) loaded: Vec<String>,
    pub(super) unloaded: Vec<String>,
    /// Modules that did not load, with the words of insmod.
    pub(super) failed_loads: Vec<(String, String)>,
    pub(super) failed_unloads: Vec<(String, String)>,
    /// What the kernel said when kmemleak did not scan.
    pub(super) failed_scan: Option<String>,
    /// Modules that cannot be unloaded.
    pub(super) kept: Vec<String>,
}

/// Reads the output of a script; `None` if it is not complete.
pub(super) fn written(text: &str) -> Option<Written> {
    let mark = |name: &str| format!("\n{MARK}{name}\n");
    // The output of the command may contain anything; what follows it does not.
    let (rest, facts) = text.rsplit_once(&mark("facts"))?;
    let (rest, leaks) = rest.rsplit_once(&mark("leaks"))?;
    let (_, output) = rest.split_once(&mark("output"))?;
    let mut written = Written {
        output: output.trim_end().to_owned(),
        leaks: leaks.trim().to_owned(),
        ..Written::default()
    };
    for line in facts.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let pair = || {
            let (name, said) = value.split_once(' ').unwrap_or((value, ""));
            (name.to_owned(), said.trim().to_owned())
        };
        match key {
            "tainted-before" => written.tainted_before = value.parse().ok()?,
            "tainted-after" => written.tainted_after = value.parse().ok()?,
            "command" => written.command = Some(value.parse().ok()?),
            "failed-load" => written.failed_loads.push(pair()),
            "locks-before" => written.locks_before = value == "1",
            "locks-after" => written.locks_after = value == "1",
            "loaded" => written.loaded.push(value.to_owned()),
            "unloaded" => written.unloaded.push(value.to_owned()),
            "kept" => written.kept.push(value.to_owned()),
            "failed-scan" => written.failed_scan = Some(value.trim().to_owned()),
            "failed-unload" => written.failed_unloads.push(pair()),
            _ => {}
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_the_steps_in_their_order_and_quotes_what_a_user_gave() {
        let plan = Plan {
            modules: vec![
                ("base", vec![]),
                ("top", vec!["who='me' too", "a=$(reboot)"]),
            ],
            command: Some("echo it's"),
            shell: false,
            unload: true,
            wait: true,
            time: Duration::from_secs(60),
        };
        let script = script(&plan);
        let parts = [
            "echo 20 >$hung",
            "\nload base \n",
            r#"load top 'who="'\''me'\'' too"' 'a=$(reboot)'"#,
            r"|| run 'echo it'\''s'",
            "do died || unload $name; done",
            "mark after unload; sleep 2",
            "mark end",
        ];
        let places = parts.map(|part| script.find(part).unwrap_or_else(|| panic!("no {part}")));
        assert!(places.is_sorted(), "{places:?}");
        let plan = Plan {
            wait: false,
            ..plan
        };
        assert!(!super::script(&plan).contains("after unload"));
    }

    #[test]
    fn what_a_script_wrote_is_parted_whatever_the_command_printed() {
        let text = "noise\n@test output\n\n@test facts\ncommand 0\n\n@test leaks\n\n@test facts\n\
            tainted-before 0\nfailed-load hello insmod: can't insert\ncommand 3\ntainted-after 4096\n";
        let written = written(text).unwrap();
        assert_eq!(written.output, "\n@test facts\ncommand 0".trim_end());
        assert_eq!((written.command, written.tainted_after), (Some(3), 4096));
        let said = "insmod: can't insert".to_owned();
        assert_eq!(written.failed_loads, [("hello".to_owned(), said)]);
        assert_eq!(super::written("noise\n@test output\nx"), None);
    }
}
