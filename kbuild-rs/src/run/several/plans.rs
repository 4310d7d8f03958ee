//! The plans of several builds.

use super::Several;
use crate::run::plan;
use crate::settings::Plan;
use crate::{ErrorKind, Result};

impl Several {
    /// Plans all builds, in the order of [`add`](Self::add). Nothing is built, so the symbols that a
    /// build gets from its providers are not known.
    pub(crate) fn plans(mut self) -> Vec<Result<Plan>> {
        self.find_providers();
        for entry in &mut self.entries {
            entry.settings.has_later_providers = !entry.providers.is_empty();
        }
        let plan = |entry: &super::Entry| plan(&entry.settings, entry.name.as_deref());
        let mut plans: Vec<_> = self.entries.iter().map(plan).collect();
        // A provider may come later, and may have a provider itself.
        while let Some((user, provider)) = self.left_out(&plans) {
            let (entry, of_provider) = (&self.entries[user], &self.entries[provider]);
            if let Err(error) = &plans[provider] {
                plans[user] = Err(entry.without(of_provider, error));
            }
        }
        plans
    }

    /// A build with a plan, and its provider that is left out for its kernel.
    fn left_out(&self, plans: &[Result<Plan>]) -> Option<(usize, usize)> {
        let is_left_out = |provider: &&usize| match &plans[**provider] {
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::RequirementNotMet,
        };
        let planned = (0..plans.len()).filter(|user| plans[*user].is_ok());
        let mut pairs = planned.filter_map(|user| {
            let mut providers = self.entries[user].providers.iter();
            Some((user, *providers.find(is_left_out)?))
        });
        pairs.next()
    }
}
