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
}
