//! What a command finds in its environment.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    path::Path,
    process::Command,
    time::Duration,
};

use entourage_queue::Item;

use crate::attempt::Attempt;

/// What a command finds in its environment, apart from what it is told of its item.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    pub(super) is_clean: bool,
    pub(super) variables: BTreeMap<OsString, Option<OsString>>,
}

/// The variables of one attempt: ours, then what the user has set.
pub(super) struct Variables(BTreeMap<OsString, Option<OsString>>);

impl Environment {
    pub(super) fn of(
        &self,
        item: &Item,
        attempt: &Attempt,
        file: &Path,
        left: Option<Duration>,
    ) -> Variables {
        let fence = attempt.fence();
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: OsString| all.insert(name.into(), Some(value));
        set("WORK_ITEM_FILE", file.into());
        set("INPUT_FILE", file.into());
        set("ENTOURAGE_ITEM", item.id().as_str().into());
        set("ENTOURAGE_ATTEMPT", attempt.number().to_string().into());
        set("ENTOURAGE_FENCE", fence.epoch().to_string().into());
        set("ENTOURAGE_FENCE_SCOPE", fence.scope().as_str().into());
        set("ENTOURAGE_FENCE_REALM", fence.realm().to_string().into());
        if let Some(left) = left {
            set("ENTOURAGE_DEADLINE_SECONDS", left.as_secs().to_string().into());
        }
        all.extend(self.variables.clone());
        Variables(all)
    }

    pub(super) fn apply(&self, variables: &Variables, command: &mut Command) {
        if self.is_clean {
            command.env_clear();
            if let Some(path) = env::var_os("PATH") {
                command.env("PATH", path);
            }
        }
        // Said by nobody, it must not be inherited: it would be the deadline of somebody else.
        command.env_remove("ENTOURAGE_DEADLINE_SECONDS");
        for (name, value) in &variables.0 {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

impl Variables {
    pub(super) fn value(&self, name: &OsStr) -> Option<&OsStr> {
        self.0.get(name)?.as_deref()
    }
}
