//! Questions about a kernel: twenty of them in one call, beside the test of a configure script (one
//! nested make), and beside one question.

use std::path::Path;
use std::process::Command;

use super::measure::{measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch};
use crate::Result;

/// Twenty questions of drivers: half of them have headers of their own.
const QUESTIONS: &[(&str, &str)] = &[
    ("--has-header", "linux/unaligned.h"),
    ("--has-header", "asm/unaligned.h"),
    ("--has-header", "linux/stdarg.h"),
    ("--has-header", "net/gso.h"),
    ("--has-symbol", "timer_delete@linux/timer.h"),
    ("--has-symbol", "timer_shutdown@linux/timer.h"),
    ("--has-symbol", "from_timer@linux/timer.h"),
    ("--has-symbol", "skb_frag_off@linux/skbuff.h"),
    ("--has-symbol", "napi_build_skb@linux/skbuff.h"),
    ("--has-symbol", "vm_flags_set@linux/mm.h"),
    ("--has-symbol", "kmap_local_page@linux/highmem.h"),
    ("--has-symbol", "kvfree@linux/mm.h"),
    ("--has-symbol", "strscpy@linux/string.h"),
    ("--has-member", "struct proc_ops.proc_open@linux/proc_fs.h"),
    (
        "--has-member",
        "struct net_device.dev_addr_shadow@linux/netdevice.h",
    ),
    (
        "--has-member",
        "struct net_device_ops.ndo_eth_ioctl@linux/netdevice.h",
    ),
    (
        "--has-member",
        "struct napi_struct.config@linux/netdevice.h",
    ),
    ("--has-member", "struct file_operations.iterate@linux/fs.h"),
    (
        "--has-member",
        "struct file_operations.iterate_shared@linux/fs.h",
    ),
    ("--has-member", "struct sk_buff.cloned@linux/skbuff.h"),
];

fn ask(setup: &Setup, out: &Path, questions: &[(&str, &str)]) -> Command {
    let mut command = Command::new(&setup.program);
    command.arg("probe").arg("--kernel").arg(&setup.kernel.kdir);
    command.arg("-o").arg(out).args(["-j2", "--quiet"]);
    if let Some(cc) = &setup.kernel.cc {
        command.arg("--cc").arg(cc);
    }
    for (number, (flag, what)) in questions.iter().enumerate() {
        command.arg(format!("{flag}=Q{number}={what}"));
    }
    command.env("LC_ALL", "C");
    command
}

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let source = scratch.path().join("source");
    let out = scratch.path().join("out");
    let (mut one, mut all, mut known, mut nested) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..=setup.runs {
        fresh(&out)?;
        let single = measure(&mut ask(setup, &out, &QUESTIONS[13..14]))?;
        fresh(&out)?;
        let every = measure(&mut ask(setup, &out, QUESTIONS))?;
        let again = measure(&mut ask(setup, &out, QUESTIONS))?;
        fresh(&source)?;
        one_file_module(&source)?;
        let make = measure(&mut setup.make(&source))?;
        if run > 0 {
            one.push(single.wall.as_secs_f64());
            all.push(every.wall.as_secs_f64());
            known.push(again.wall.as_secs_f64());
            nested.push(make.wall.as_secs_f64());
        }
    }
    let (one, all, known) = (median(one), median(all), median(known));
    let nested = median(nested);
    Ok(vec![
        ratio(
            "20 questions in one call, beside one nested make",
            all,
            nested,
            2.0,
        ),
        // Each set of headers is parsed once. That is the larger part of twenty, but not of one.
        ratio(
            "20 questions in one call, beside one question",
            all,
            one,
            5.0,
        ),
        ratio(
            "20 known answers, beside one nested make",
            known,
            nested,
            0.1,
        ),
    ])
}
