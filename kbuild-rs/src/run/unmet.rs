//! Builds that are left out, because their kernel does not meet a stated requirement.

use super::publish::artifact;
use super::record::Record;
use crate::resolve::place;
use crate::settings::Settings;
use crate::stage::{PUBLISH_LOCK, open_private_root};
use crate::sys::{Lock, Root, Writer};
use crate::{Error, ErrorKind, Result};

/// Removes the products of an earlier build for this kernel, if the error means that the build is left
/// out: no error tells a later step that they are old, so it would install them. Returns the error,
/// or the one of the removal.
pub(super) fn without_products(settings: &Settings, name: Option<&str>, error: Error) -> Error {
    if error.kind() != ErrorKind::RequirementNotMet {
        return error;
    }
    remove_products(settings, name).err().unwrap_or(error)
}

/// The record stays: a build whose products are missing publishes them again.
fn remove_products(settings: &Settings, name: Option<&str>) -> Result<()> {
    // A build that has no place never built anything.
    let Ok(place) = place(settings, name) else {
        return Ok(());
    };
    let (stage, out) = (&place.stage, &place.out);
    if !stage.private.is_dir() || !out.is_dir() {
        return Ok(());
    }
    let Some(private) = open_private_root(&stage.shared)? else {
        return Ok(());
    };
    let writer = Writer::new([Root::open(out)?, private]);
    let load = || Record::load(&writer, &place.folder.join("record"), out);
    if !load()?.is_some_and(|record| record.published().any(|product| product.is_there())) {
        return Ok(());
    }
    let doing = format!("removing the old products of {}", place.label);
    let _lock = Lock::take(&writer, &stage.private.join("lock"), &doing, &settings.sink)?;
    let publishing = stage.shared.join(PUBLISH_LOCK);
    let _publishing = Lock::take(&writer, &publishing, &doing, &settings.sink)?;
    for product in load()?.iter().flat_map(Record::published) {
        artifact::remove_with_folders(&writer, out, product)?;
    }
    Ok(())
}
