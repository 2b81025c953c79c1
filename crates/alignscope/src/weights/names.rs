//! The names of tensors as a model has them, and as a file has them.

/// What PyTorch puts before the name of every tensor of a model that was wrapped when it was saved:
/// `DataParallel` and `DistributedDataParallel`, and `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Splits a name into what wrappers put before it, any number of them in any order, and the rest.
pub(super) fn unwrap(name: &str) -> (&str, &str) {
    let mut rest = name;
    while let Some(inner) = WRAPPERS.iter().find_map(|wrapper| rest.strip_prefix(wrapper)) {
        rest = inner;
    }
    name.split_at(name.len() - rest.len())
}

/// What stands before the names of a tower that is a part of another model: wrappers, the attributes
/// in which trainers and adapters keep a model, and LLaVA's for its tower.
const AROUND: [&str; 7] =
    ["module.", "_orig_mod.", "base_model.", "model.", "backbone.", "encoder.", VISION_TOWER];

/// What LLaVA and its relatives put before the names of their tower.
const VISION_TOWER: &str = "vision_tower.";

/// Where a family's tower lies in a file: the tensors that tell, and what the family itself may put
/// before their names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TowerNames {
    /// Tensors of which every tower of the family has one: the first by its name in files, others by
    /// those of [`in_memory`](Self::in_memory).
    pub(crate) anchors: &'static [&'static str],
    /// What the family reads before it, the longest first; the last is nothing.
    pub(crate) own: &'static [&'static str],
    /// How modules in memory, or another library, call what files of the family call otherwise.
    pub(crate) in_memory: &'static [Renaming],
}

/// In a name that has the first, the second becomes the third: whole parts, with a dot on both
/// sides. Applied in turn.
pub(crate) type Renaming = (&'static str, &'static str, &'static str);

/// A name as files have it, of one as modules in memory have it.
pub(super) fn as_in_files(name: &str, renamings: &[Renaming]) -> String {
    let mut name = format!(".{name}.");
    for (within, from, to) in renamings {
        if name.contains(within) {
            name = name.replace(from, to);
        }
    }
    name[1..name.len() - 1].to_owned()
}

impl TowerNames {
    /// What stands before a tower, if `name` is its anchor's.
    pub(super) fn before<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.anchors.iter().find_map(|anchor| self.before_anchor(name, anchor))
    }

    /// An anchor as files have it.
    pub(super) fn in_files(&self, anchor: &str) -> String {
        as_in_files(anchor, self.in_memory)
    }

    fn before_anchor<'a>(&self, name: &'a str, anchor: &str) -> Option<&'a str> {
        let before = name.strip_suffix(anchor)?;
        if !before.is_empty() && !before.ends_with('.') {
            return None;
        }
        let is_own = |own: &&&str| {
            let rest = before.strip_suffix(**own);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let own = self.own.iter().find(is_own)?;
        before.strip_suffix(own)
    }
}

/// Whether it is made of what may stand around a model, and of nothing else.
pub(super) fn is_around(before: &str) -> bool {
    let mut rest = before;
    while let Some(inner) = AROUND.iter().find_map(|part| rest.strip_prefix(part)) {
        rest = inner;
    }
    rest.is_empty()
}

/// Whether it is what stands before the tower of a LLaVA.
pub(super) fn is_vision_tower(before: &str) -> bool {
    before.ends_with(VISION_TOWER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_taken_off_whatever_their_number_and_order() {
        for (name, expected) in [
            ("visual.conv1.weight", ("", "visual.conv1.weight")),
            ("module.visual.proj", ("module.", "visual.proj")),
            ("_orig_mod.visual.proj", ("_orig_mod.", "visual.proj")),
            ("module._orig_mod.a", ("module._orig_mod.", "a")),
            ("_orig_mod.module.a", ("_orig_mod.module.", "a")),
            ("module.module.a", ("module.module.", "a")),
            // Within a name it is a part of the model.
            ("visual.module.a", ("", "visual.module.a")),
            ("modules.a", ("", "modules.a")),
            ("module", ("", "module")),
        ] {
            assert_eq!(unwrap(name), expected);
        }
    }

    #[test]
    fn a_tower_is_found_by_its_anchor_behind_what_may_stand_around_it() {
        let tower =
            TowerNames { anchors: &["patch.weight"], own: &["vision_model.", ""], in_memory: &[] };
        for (name, expected) in [
            ("patch.weight", Some("")),
            ("vision_model.patch.weight", Some("")),
            ("model.patch.weight", Some("model.")),
            (
                "model.vision_tower.vision_tower.vision_model.patch.weight",
                Some("model.vision_tower.vision_tower."),
            ),
            ("a_vision_model.patch.weight", Some("a_vision_model.")),
            ("dispatch.weight", None),
            ("patch.weight.scale", None),
        ] {
            assert_eq!(tower.before(name), expected, "{name}");
        }
        let renamings = [(".layers.", ".a.", ".b."), (".layers.", ".layers.", ".layer.")];
        for (name, expected) in [
            ("layers.0.a", "layer.0.b"),
            ("layer.0.a", "layer.0.a"),
            ("a.players.a", "a.players.a"),
        ] {
            assert_eq!(as_in_files(name, &renamings), expected);
        }
        for (before, around) in [
            ("", true),
            ("module.model.", true),
            ("base_model.model.backbone.", true),
            ("student.", false),
            ("model.student.", false),
            ("a_model.", false),
        ] {
            assert_eq!(is_around(before), around, "{before}");
        }
    }
}
