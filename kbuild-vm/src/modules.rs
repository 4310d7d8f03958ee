//! Finds the order in which a kernel's own modules can be loaded.

/// The files to load, in order. The error is the name that is not a module and not built in.
///
/// `dep` and `builtin` are the contents of `modules.dep` and `modules.builtin`.
pub(crate) fn load_order(
    names: &[String],
    dep: &str,
    builtin: &str,
) -> Result<Vec<String>, String> {
    let mut order: Vec<String> = Vec::new();
    for name in names {
        let is_it = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            file.strip_suffix(".ko")
                .is_some_and(|one| one.replace('-', "_") == name.replace('-', "_"))
        };
        let mut lines = dep.lines().filter_map(|line| line.split_once(':'));
        match lines.find(|(path, _)| is_it(path)) {
            Some((path, below)) => {
                for one in below.split_whitespace().rev().chain([path]) {
                    if !order.iter().any(|known| known == one) {
                        order.push(one.to_owned());
                    }
                }
            }
            None if builtin.lines().any(is_it) => {}
            None => return Err(name.clone()),
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_load_once_and_after_their_dependencies() {
        let dep = "k/videodev.ko: k/mc.ko k/core.ko\nk/mc.ko: k/core.ko\nk/usb-hid.ko: k/core.ko\n";
        let names = ["videodev", "usb_hid", "loop-thing"].map(str::to_owned);
        assert_eq!(
            load_order(&names, dep, "k/loop_thing.ko\n").unwrap(),
            ["k/core.ko", "k/mc.ko", "k/videodev.ko", "k/usb-hid.ko"]
        );
        assert_eq!(load_order(&names, dep, "").unwrap_err(), "loop-thing");
    }
}
