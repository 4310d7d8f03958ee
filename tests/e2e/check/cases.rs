//! The cases: modules, their changes, and the kernels that have the case.

use kbuild_tests::lab::LabKernel;

use super::edit::Edit;

/// Modules that are loaded in this order.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) modules: &'static [(&'static str, Edit)],
    /// Whether the last module loads; `None` if that depends on the kernel.
    pub(super) loads: Option<bool>,
    pub(super) on: On,
}

/// The kernels that a case is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Every,
    /// With `CONFIG_MODVERSIONS`.
    Versions,
    /// With `EXPORT_SYMBOL_FOR_MODULES`.
    ForModules,
    /// With `CONFIG_MODULE_SIG`.
    Signing,
    /// With `CONFIG_MODULE_SIG`, after `sig_enforce` was set.
    Enforced,
    /// Whose image says which built-in modules have parameters; whether they have a folder in
    /// `/sys/module` is unclear.
    BuiltIn,
    /// That refuses modules whose BTF does not continue its own.
    Btf,
}

const RING: (&str, Edit) = ("ring", Edit::None);

pub(super) const CASES: &[Case] = &[
    case("right", &[RING, ("user", Edit::None)], true),
    case("right-gpl", &[RING, ("gpl", Edit::None)], true),
    case("right-namespace", &[RING, ("names", Edit::None)], true),
    case("weak", &[("weak", Edit::None)], true),
    case("missing-provider", &[("user", Edit::None)], false),
    case(
        "missing-symbol",
        &[RING, ("user", Edit::Text("ring_push", "ring_pull"))],
        false,
    ),
    case(
        "gpl-only",
        &[RING, ("gpl", Edit::Text("license=GPL", "license=MIT"))],
        false,
    ),
    case(
        "not-gpl-but-uses-none",
        &[RING, ("user", Edit::Text("license=GPL", "license=MIT"))],
        true,
    ),
    case(
        "proprietary-provider",
        &[
            ("ring", Edit::Text("license=GPL", "license=MIT")),
            ("gpl", Edit::None),
        ],
        false,
    ),
    case(
        "missing-namespace",
        &[
            RING,
            ("names", Edit::Text("import_ns=RING", "import_ns=SING")),
        ],
        false,
    ),
    case("foreign", &[("lonely", Edit::Foreign)], false),
    case(
        "flags",
        &[("lonely", Edit::Text(" mod_unload ", " mod_onload "))],
        false,
    ),
    Case {
        loads: None,
        ..case("other-release", &[("lonely", Edit::Release)], true)
    },
    Case {
        loads: None,
        ..case(
            "no-vermagic",
            &[("lonely", Edit::Text("vermagic=", "vermagix="))],
            true,
        )
    },
    case("machine", &[("lonely", Edit::Machine)], false),
    case(
        "circle",
        &[("left", Edit::None), ("right", Edit::None)],
        false,
    ),
    case("common", &[("common", Edit::None)], false),
    Case {
        on: On::Btf,
        ..case("garbage-btf", &[("lonely", Edit::GarbageBtf)], false)
    },
    case(
        "duplicate-of-kernel",
        &[("twin", Edit::Text("twin_push", "kstrtoint"))],
        false,
    ),
    case(
        "duplicate-of-module",
        &[RING, ("twin", Edit::Text("twin_push", "ring_push"))],
        false,
    ),
    Case {
        on: On::BuiltIn,
        ..case(
            "built-in",
            &[("prinxx", Edit::Text("prinxx", "printk"))],
            false,
        )
    },
    Case {
        on: On::ForModules,
        ..case("for-modules", &[RING, ("allowed", Edit::None)], true)
    },
    Case {
        on: On::ForModules,
        ..case(
            "not-for-modules",
            &[RING, ("allowed", Edit::Text("allowed", "alsoyes"))],
            false,
        )
    },
    Case {
        on: On::Versions,
        ..case("crc", &[RING, ("user", Edit::Crc("ring_push"))], false)
    },
    Case {
        on: On::Versions,
        ..case(
            "crc-of-kernel",
            &[("lonely", Edit::Crc("module_layout"))],
            false,
        )
    },
    Case {
        on: On::Versions,
        loads: None,
        ..case(
            "no-record",
            &[RING, ("user", Edit::Record("ring_push", "ring_pusx"))],
            true,
        )
    },
    Case {
        on: On::Versions,
        loads: None,
        ..case("no-versions", &[("lonely", Edit::NoVersions)], true)
    },
    Case {
        on: On::Versions,
        ..case(
            "no-versions-and-release",
            &[("lonely", Edit::NoVersionsAndRelease)],
            false,
        )
    },
    Case {
        on: On::Signing,
        ..case("unknown-key", &[("lonely", Edit::Signed)], true)
    },
    Case {
        on: On::Signing,
        ..case(
            "damaged-signature",
            &[("lonely", Edit::DamagedSignature)],
            false,
        )
    },
    Case {
        on: On::Signing,
        ..case(
            "signed-attributes",
            &[("lonely", Edit::SignedAttributes)],
            false,
        )
    },
    Case {
        on: On::Enforced,
        ..case("unsigned-enforced", &[("lonely", Edit::None)], false)
    },
    Case {
        on: On::Enforced,
        ..case("unknown-key-enforced", &[("lonely", Edit::Signed)], false)
    },
];

const fn case(name: &'static str, modules: &'static [(&'static str, Edit)], loads: bool) -> Case {
    Case {
        name,
        modules,
        loads: Some(loads),
        on: On::Every,
    }
}

impl On {
    /// Whether the kernel has the case.
    pub(super) fn has(self, kernel: &LabKernel) -> bool {
        let opened = kbuild::Kernel::open(&kernel.kdir).unwrap();
        match self {
            On::Every => true,
            On::Versions => opened.has_modversions(),
            On::ForModules => opened.version() >= (7, 0),
            On::Signing | On::Enforced => opened.has_signing(),
            On::Btf => {
                let is_on = |name| opened.config(name) == Some("y");
                is_on("DEBUG_INFO_BTF_MODULES") && !is_on("MODULE_ALLOW_BTF_MISMATCH")
            }
            On::BuiltIn => kernel.modules.join("modules.builtin.modinfo").exists(),
        }
    }
}
