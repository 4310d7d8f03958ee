//! The findings in what kmemleak reports.

use crate::findings::{Finding, FindingKind, cut};

/// What kmemleak reports: objects, and where they were allocated.
pub(super) fn leaks(report: &str) -> Vec<Finding> {
    let mut places: Vec<(Finding, usize)> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    let mut all = report.lines().chain(["unreferenced object"]);
    let mut head = None;
    for line in &mut all {
        if !line.starts_with("unreferenced object") {
            // The time is all in which objects from the same place differ.
            lines.push(line.split(", jiffies ").next().unwrap_or(line));
            continue;
        }
        if let Some(head) = head.replace(line) {
            let is_dump = |line: &&str| line.contains("hex dump") || is_hex_dump(line);
            lines.retain(|line| !is_dump(line));
            let excerpt = cut(FindingKind::Leak, &lines);
            match places.iter_mut().find(|(one, _)| one.excerpt == excerpt) {
                Some((_, more)) => *more += 1,
                None => places.push((leak(head, excerpt), 0)),
            }
        }
        lines.clear();
    }
    let found = places.into_iter().map(|(mut finding, more)| {
        if more > 0 {
            finding.headline += &format!(", and {more} more from the same place");
        }
        finding
    });
    found.collect()
}

/// The finding about a kmemleak that did not scan, as it does when it ended itself.
pub(super) fn not_scanned(said: &str) -> Finding {
    let reason = said.rsplit_once(": ").map_or(said, |(_, reason)| reason);
    leak(&format!("kmemleak did not scan: {reason}"), Vec::new())
}

fn leak(head: &str, excerpt: Vec<String>) -> Finding {
    Finding {
        kind: FindingKind::Leak,
        headline: head.trim_end_matches(':').to_owned(),
        step: "leaks".to_owned(),
        excerpt,
    }
}

/// `    68 65 6c 6c 6f …  hello`.
fn is_hex_dump(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_byte = |word: &str| word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
    (0..4).all(|_| words.next().is_some_and(is_byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kmemleak_that_did_not_scan_says_why() {
        let finding = not_scanned("sh: write error: Operation not permitted");
        let headline = "kmemleak did not scan: Operation not permitted";
        assert_eq!(finding.headline, headline);
    }

    #[test]
    fn each_lost_object_is_a_leak_with_the_place_of_its_allocation() {
        let report = "unreferenced object 0xffff888001 (size 64):\n  comm \"insmod\", pid 70, jiffies 4\n  \
            hex dump (first 32 bytes):\n    68 65 6c 6c 6f 00 00 00  hello...\n  backtrace (crc 1):\n    \
            __kmalloc_noprof+0x1\n    do_one_initcall+0x2\nunreferenced object 0x2 (size 8):\n  comm \"x\"\n";
        let found = leaks(report);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0].headline,
            "unreferenced object 0xffff888001 (size 64)"
        );
        assert_eq!(found[0].excerpt[1], "  backtrace (crc 1):");
        assert!(leaks("").is_empty());
        let found = leaks(
            &report
                .replace("0x2 (size 8)", "0xffff888001 (size 64)")
                .repeat(3),
        );
        assert_eq!(
            found[0].headline,
            "unreferenced object 0xffff888001 (size 64), and 2 more from the same place"
        );
    }
}
