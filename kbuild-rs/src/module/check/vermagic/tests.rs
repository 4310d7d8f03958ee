use super::*;

const HEADER: &str = r#"
#ifndef _LINUX_VERMAGIC_H
#define _LINUX_VERMAGIC_H
#include <generated/utsrelease.h>
/* Simply sanity version stamp
   for modules. */
#ifdef CONFIG_SMP
#define MODULE_VERMAGIC_SMP "SMP "
#else
#define MODULE_VERMAGIC_SMP ""
#endif
#ifdef CONFIG_PREEMPT_RT
#define MODULE_VERMAGIC_PREEMPT "preempt_rt "
#elif defined(CONFIG_PREEMPT_BUILD)
#define MODULE_VERMAGIC_PREEMPT "preempt "
#else
#define MODULE_VERMAGIC_PREEMPT ""
#endif
#ifdef RANDSTRUCT
#define MODULE_RANDSTRUCT "RANDSTRUCT_" RANDSTRUCT_HASHED_SEED
#else
#define MODULE_RANDSTRUCT
#endif
#define VERMAGIC_STRING 						\
	UTS_RELEASE " "							\
	MODULE_VERMAGIC_SMP MODULE_VERMAGIC_PREEMPT 			\
	MODULE_ARCH_VERMAGIC						\
	MODULE_RANDSTRUCT
#endif /* _LINUX_VERMAGIC_H */
"#;

const X86: &str = r#"
#ifdef CONFIG_X86_64
/* X86_64 does not define MODULE_PROC_FAMILY */
#elif defined CONFIG_M586TSC
#define MODULE_PROC_FAMILY "586TSC "
#elif defined CONFIG_M686 && (defined(CONFIG_A) || !defined(CONFIG_B))
#define MODULE_PROC_FAMILY "686 "
#else
#error unknown processor family
#endif
#ifdef CONFIG_X86_32
# define MODULE_ARCH_VERMAGIC MODULE_PROC_FAMILY
#else
# define MODULE_ARCH_VERMAGIC ""
#endif
"#;

const ARM: &str = r#"
#define MODULE_ARCH_VERMAGIC_ARMVSN "ARMv" __stringify(__LINUX_ARM_ARCH__) " "
#define MODULE_ARCH_VERMAGIC MODULE_ARCH_VERMAGIC_ARMVSN
"#;

fn vermagic(arch: &str, more: &str, config: &[&str]) -> Vermagic {
    let on = |name: &str| {
        let name = name.trim_start_matches("CONFIG_");
        config.contains(&name).then(|| "y".to_owned())
    };
    let mut macros = Macros::new(&on);
    macros.define("UTS_RELEASE", "\"6.1.0-x\"");
    macros.read(more);
    macros.read(arch);
    macros.read(HEADER);
    macros.text_of("VERMAGIC_STRING")
}

#[test]
fn the_text_follows_the_configuration() {
    for (config, text) in [
        (&["X86_64"][..], "6.1.0-x "),
        (&["X86_64", "SMP", "PREEMPT_BUILD"], "6.1.0-x SMP preempt "),
        (
            &["X86_64", "SMP", "PREEMPT_RT", "PREEMPT_BUILD"],
            "6.1.0-x SMP preempt_rt ",
        ),
        (&["X86_32", "M686"], "6.1.0-x 686 "),
        (&["X86_32", "M686", "B", "A", "SMP"], "6.1.0-x SMP 686 "),
        (&["X86_32", "M586TSC"], "6.1.0-x 586TSC "),
    ] {
        let found = vermagic(X86, "", config);
        assert_eq!((&*found.text, found.stops_at), (text, None), "{config:?}");
    }
    let seed = "#define RANDSTRUCT_HASHED_SEED \"abc\"\n";
    let found = vermagic(X86, seed, &["X86_64", "RANDSTRUCT"]);
    assert_eq!(found.text, "6.1.0-x RANDSTRUCT_abc");
}

#[test]
fn what_only_the_compiler_knows_ends_the_text() {
    let found = vermagic(ARM, "", &["SMP"]);
    assert_eq!(found.text, "6.1.0-x SMP ARMv");
    assert_eq!(found.stops_at.as_deref(), Some("__LINUX_ARM_ARCH__"));
    assert!(found.accepts("6.1.0-x SMP ARMv7 p2v8 ", false));
    assert!(!found.accepts("6.1.0-x ARMv7 p2v8 ", false));
    // Without the seed, and where a definition names itself.
    assert!(
        vermagic(X86, "", &["X86_64", "RANDSTRUCT"])
            .stops_at
            .is_some()
    );
    let own = "#define MODULE_ARCH_VERMAGIC MODULE_ARCH_VERMAGIC\n";
    assert!(vermagic(own, "", &[]).stops_at.is_some());
}

#[test]
fn a_module_with_checksums_is_compared_behind_the_release() {
    let found = vermagic(X86, "", &["X86_64", "SMP"]);
    assert!(found.accepts("6.1.0-x SMP ", false));
    assert!(!found.accepts("6.1.0-y SMP ", false));
    assert!(found.accepts("6.1.0-y SMP ", true));
    assert!(!found.accepts("6.1.0-x SMP preempt ", true));
    assert!(!found.accepts("6.1.0-x", true));
}

#[test]
fn damaged_headers_are_read_to_their_end() {
    for bad in [
        "#",
        "#endif\n#else\n#elif (((",
        "#if !!!!(",
        "/* open",
        "#define",
        "#define X \"open\\",
        "#if defined(",
        "#define VERMAGIC_STRING \u{e9} \"",
        "#define VERMAGIC_STRING __stringify(",
    ] {
        let mut macros = Macros::new(&|_| None);
        macros.read(bad);
        macros.text_of("VERMAGIC_STRING");
    }
    let mut macros = Macros::new(&|_| None);
    for level in 0..15 {
        let body = format!("L{} ", level + 1).repeat(50);
        macros.define(&format!("L{level}"), &body);
    }
    assert!(macros.text_of("L0").stops_at.is_some());
    macros.read(&format!("#if {}", "(!".repeat(100_000)));
}
